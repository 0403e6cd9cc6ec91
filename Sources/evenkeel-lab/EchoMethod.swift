import GRPCCore

/// The methods of the service that all gRPC peers of the tests speak: see Tests/Peers/README.md. Messages are plain
/// bytes, so that no language needs generated code.
enum EchoMethod: String {
  /// Returns the request.
  case echo = "Echo"
  /// Returns the server's name.
  case name = "Name"
  /// `EchoBody.Request` → its bytes.
  case body = "Body"
  /// `EchoTicks` → a stream of "0", "1" and so on.
  case ticks = "Ticks"

  /// Trailers of every answer: the server's name, and the client's address as the server sees it.
  static let serverTrailer = "x-server"
  static let peerTrailer = "x-peer"

  /// gRPC's default of 4 MiB for what is received, and some room for bodies of just that.
  static let largestMessage = 16 << 20  // bytes

  var descriptor: MethodDescriptor {
    MethodDescriptor(service: ServiceDescriptor(fullyQualifiedService: "evenkeel.lab.Echo"), method: rawValue)
  }
}

/// The request of `Ticks`.
struct EchoTicks: Codable, Sendable {
  /// Between two messages.
  var milliseconds: Int
  var count: Int
}

/// Messages as they are.
struct RawBytes: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) -> Bytes { Bytes(message) }

  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) -> [UInt8] { bytes.withUnsafeBytes { Array($0) } }
}
