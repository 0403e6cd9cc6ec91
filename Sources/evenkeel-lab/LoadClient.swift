import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Glibc
import NIOCore

/// One gRPC client with one TCP connection at a time. Every call is counted, whatever becomes of it.
struct LoadClient: Sendable {
  private let number: Int
  private let repairsGoAway: Bool
  private let tally: LoadTally
  private let client: GRPCClient<HTTP2ClientTransport.Posix>

  /// What a call may take beyond what it asks for.
  private static let timeout = Duration.seconds(30)
  private static let pauseAfterFailure = Duration.milliseconds(100)

  init(number: Int, target: HostPort, repairsGoAway: Bool, tally: LoadTally) throws {
    self.number = number
    self.repairsGoAway = repairsGoAway
    self.tally = tally
    var config = HTTP2ClientTransport.Posix.Config.defaults
    if repairsGoAway { config.channelDebuggingCallbacks.onCreateTCPConnection = GoAwayRepair.install }
    let transport = try HTTP2ClientTransport.Posix(
      target: target.target, transportSecurity: .plaintext, config: config)
    client = GRPCClient(transport: transport)
  }

  /// Keeps the connection; ends after `shutDown`.
  func run() async throws { try await client.runConnections() }

  func shutDown() { client.beginGracefulShutdown() }

  // MARK: Calls

  func echo() async {
    let question = (0..<Int.random(in: 1...3_000)).map { _ in UInt8.random(in: .min ... .max) }
    await unary(.echo, question, expecting: question)
  }

  func fetchBody(of bytes: Int) async {
    let wanted = EchoBody.Request(bytes: bytes, seed: .random(in: 0..<EchoBody.seeds))
    await unary(.body, encode(wanted), expecting: EchoBody.bytes(wanted))
  }

  private func unary(_ method: EchoMethod, _ question: [UInt8], expecting expected: [UInt8]) async {
    await count(method) {
      try await client.unary(
        request: ClientRequest(message: question), descriptor: method.descriptor, serializer: RawBytes(),
        deserializer: RawBytes(), options: options(timeout: Self.timeout)
      ) { response in
        guard isSame(try response.message, expected) else { throw LoadFailure.wrongAnswer }
        return response.trailingMetadata
      }
    }
  }

  /// A server stream, to its end.
  func stream(_ ticks: EchoTicks) async {
    let length = Duration.milliseconds(ticks.milliseconds) * ticks.count
    await count(.ticks) {
      try await client.serverStreaming(
        request: ClientRequest(message: encode(ticks)), descriptor: EchoMethod.ticks.descriptor,
        serializer: RawBytes(), deserializer: RawBytes(), options: options(timeout: length + Self.timeout)
      ) { response in
        try await read(response.accepted.get().bodyParts, expecting: ticks.count)
      }
    }
  }

  private func read(
    _ parts: RPCAsyncSequence<StreamingClientResponse<[UInt8]>.Contents.BodyPart, any Error>, expecting count: Int
  ) async throws -> Metadata {
    var received = 0
    var trailers: Metadata = [:]
    do {
      for try await part in parts {
        switch part {
        case .message(let message):
          guard message == Array("\(received)".utf8) else { throw LoadFailure.wrongAnswer }
          received += 1
        case .trailingMetadata(let metadata):
          trailers = metadata
        }
      }
    } catch let error as RPCError where received > 0 {
      throw LoadFailure.brokenOff(describe(error))
    }
    guard received == count else { throw LoadFailure.brokenOff("end of stream") }
    return trailers
  }

  // MARK: Counting

  /// - Parameter call: makes an attempt, and returns the answer's trailers.
  private func count(_ method: EchoMethod, _ call: () async throws -> Metadata) async {
    do {
      let trailers = try await repairing(call)
      tally.succeeded(
        channel: number, server: text(EchoMethod.serverTrailer, in: trailers),
        peer: text(EchoMethod.peerTrailer, in: trailers))
    } catch {
      tally.failed("\(method.rawValue): \(describe(error))")
      // A server that refuses at once is not asked again at once.
      try? await Task.sleep(for: Self.pauseAfterFailure)
    }
  }

  private func repairing(_ call: () async throws -> Metadata) async throws -> Metadata {
    guard repairsGoAway else { return try await call() }
    return try await GoAwayRepair.retrying(for: Self.timeout, noting: tally.retried, call)
  }

  private func options(timeout: Duration) -> CallOptions {
    var options = CallOptions.defaults
    options.timeout = timeout
    options.maxResponseMessageBytes = EchoMethod.largestMessage
    return options
  }

  private func encode(_ request: some Encodable) -> [UInt8] {
    // Numbers in a flat structure: there is nothing that could not be encoded.
    (try? JSONEncoder().encode(request)).map(Array.init) ?? []
  }

  private func text(_ key: String, in metadata: Metadata) -> String {
    metadata[stringValues: key].first { _ in true } ?? "unknown"
  }

  private func describe(_ error: any Error) -> String {
    guard let error = error as? RPCError else { return "\(error)" }
    return "\(error.code): \(error.message)"
  }
}

/// Answers that came, and are wrong or not whole.
enum LoadFailure: Error, CustomStringConvertible {
  case wrongAnswer
  case brokenOff(String)

  var description: String {
    switch self {
    case .wrongAnswer: "the answer is wrong"
    case .brokenOff(let cause): "broken off: \(cause)"
    }
  }
}

/// As `==`, but not byte by byte where nothing is optimized: bodies have megabytes.
private func isSame(_ a: [UInt8], _ b: [UInt8]) -> Bool {
  guard a.count == b.count else { return false }
  return a.withUnsafeBytes { one in
    b.withUnsafeBytes { other in
      guard let one = one.baseAddress, let other = other.baseAddress else { return true }
      return memcmp(one, other, a.count) == 0
    }
  }
}
