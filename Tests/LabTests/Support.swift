import Foundation
import Lab
import StatsAPI
import Testing

/// The programs under test and the peers that they are tested with.
enum Programs {
  static let evenkeel = Executables.beside("evenkeel")
  static let lab = Executables.beside("evenkeel-lab")
  static let peers = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Peers").path

  /// A Python with the packages of Tests/Peers/requirements.txt.
  static func python(_ script: String) throws -> [String] {
    guard let python = ProcessInfo.processInfo.environment["EVENKEEL_TEST_PYTHON"] else {
      throw Missing("EVENKEEL_TEST_PYTHON does not name a Python with Tests/Peers/requirements.txt: use scripts/test")
    }
    return [python, "\(peers)/\(script)"]
  }

  /// The program that scripts/grpc-go builds. Nil where it cannot be had, which scripts/test has said.
  static let grpcGo: String? = {
    let path = ProcessInfo.processInfo.environment["EVENKEEL_TEST_GRPC_GO"]
    return path == "" ? nil : path ?? "EVENKEEL_TEST_GRPC_GO is not set: use scripts/test"
  }()

  struct Missing: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}

/// The last line that a client prints: see Tests/Peers/README.md.
struct PeerReport: Decodable {
  var event: String
  var ok: Int
  var failed: Int
  var errors: [String: Int]
  var reconnects: Int
  var byServer: [String: Int]

  /// Nil where the line is none of a report.
  init?(_ line: String) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let report = try? decoder.decode(PeerReport.self, from: Data(line.utf8)) else { return nil }
    self = report
  }

  static func last(of lines: [String]) throws -> PeerReport {
    let reports = lines.compactMap(PeerReport.init)
    return try #require(reports.last { $0.event == "done" }, "the client printed no report: \(lines.suffix(3))")
  }
}

extension RunningProgram {
  /// All that it prints until it ends.
  func output() async -> [String] {
    var output: [String] = []
    for await line in lines { output.append(line) }
    return output
  }

  /// The report of a client that ends by itself.
  func peerReport() async throws -> PeerReport {
    do { return try PeerReport.last(of: await output()) } catch {
      Issue.record("\(name): \(errorOutput.suffix(2000))")
      throw error
    }
  }
}

extension Cluster {
  nonisolated var stats: StatsClient { StatsClient(socketPath: socket) }

  /// The sum over all endpoints of a Service of a counter of theirs.
  nonisolated func sum(_ counter: (ServiceEndpoint) -> UInt64) async throws -> UInt64 {
    try await stats.services().services.flatMap(\.endpoints).map(counter).reduce(0, +)
  }
}

let grpcPort = Lab.Service.Port(port: 80, targetPort: 50051)

extension Lab.Service {
  func target(_ family: AddressFamily) -> String {
    switch family {
    case .ipv4: "\(addresses.ipv4):\(ports[0].port)"
    case .ipv6: "[\(addresses.ipv6)]:\(ports[0].port)"
    }
  }
}

enum AddressFamily: String, CaseIterable {
  case ipv4, ipv6
}

extension Lab.Node {
  /// The node's own agent.
  var stats: StatsClient { StatsClient(socketPath: socket) }
}

/// A gRPC implementation, as server and as client.
enum Peer: String, CaseIterable, Sendable {
  case grpcio = "grpcio"
  case grpcSwift = "grpc-swift"
  case grpcGo = "grpc-go"
  case node = "Node http2"

  static let servers: [Peer] = [.grpcio, .grpcSwift]

  func server(named name: String) throws -> [String] {
    let flags = ["--listen", "[::]:\(grpcPort.targetPort)", "--name", name]
    return switch self {
    case .grpcio: try Programs.python("grpcio_server.py") + flags
    case .grpcSwift: [Programs.lab, "serve"] + flags
    case .grpcGo: [Programs.grpcGo ?? "", "server"] + flags
    case .node: ["node", "\(Programs.peers)/node_server.mjs"] + flags
    }
  }

  func client(of target: String, channels: Int, seconds: Int) throws -> [String] {
    // Slow enough for a packet capture to keep up with bodies of 4 MB.
    let flags = [
      "--target", target, "--channels", "\(channels)", "--seconds", "\(seconds)", "--concurrency", "1",
      "--pause-milliseconds", "400",
    ]
    return switch self {
    case .grpcio: try Programs.python("grpcio_client.py") + flags
    case .grpcSwift: [Programs.lab, "call"] + flags
    case .grpcGo: [Programs.grpcGo ?? "", "client"] + flags
    // Node's http2 refuses locally what is asked for between the GOAWAY's arrival and the event that tells of it: it never
    // reached the wire, and can be asked for again, as grpc-js does.
    case .node: ["node", "\(Programs.peers)/node_client.mjs", "--retry-refused"] + flags
    }
  }
}
