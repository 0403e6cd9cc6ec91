import ArgumentParser
import Foundation
import Logging
import StatsAPI
import Synchronization
import Testing

@testable import CLI

/// Keeps what a subcommand writes.
final class Console: Sendable {
  let output = Mutex("")
  let errors = Mutex("")

  /// - Parameter terminal: `/dev/null` unless given.
  func environment(terminal: CInt? = nil, _ variables: [String: String] = ["TERM": "xterm"]) -> CLI.Environment {
    CLI.Environment(
      output: { text in self.output.withLock { $0 += text } }, errors: { text in self.errors.withLock { $0 += text } },
      input: terminal ?? nullDevice, terminal: terminal ?? nullDevice, variables: variables)
  }

  /// What a subcommand wrote, and its exit code.
  static func run(
    _ verb: any Verb, terminal: CInt? = nil, _ variables: [String: String] = ["TERM": "xterm"]
  ) async -> (output: String, errors: String, code: Int32) {
    let console = Console()
    var code: Int32 = 0
    do {
      try await verb.run(in: console.environment(terminal: terminal, variables))
    } catch {
      code = (error as? ExitCode)?.rawValue ?? -1
    }
    return (console.output.withLock { $0 }, console.errors.withLock { $0 }, code)
  }
}

private let nullDevice = open("/dev/null", O_RDWR | O_CLOEXEC)

/// Answers what it was made with; the responses of its local endpoints grow by 100 times their position at every look.
final class SampleAgent: StatsProvider {
  private let received = Mutex<[DrainRequest]>([])
  private let looks = Mutex<UInt64>(0)
  let sampleStatus: Status
  let sampleServices: [StatsAPI.Service]
  let sampleConnections: [Connection]

  init(
    status: Status = .sample, services: [StatsAPI.Service] = .sample, connections: [Connection] = .sample
  ) {
    (sampleStatus, sampleServices, sampleConnections) = (status, services, connections)
  }

  /// What it was asked to drain.
  var requests: [DrainRequest] { received.withLock { $0 } }

  func status() async -> Status { sampleStatus }
  func connections() async -> [Connection] { sampleConnections }
  func metrics() async -> [MetricFamily] { [] }

  func services() async -> [StatsAPI.Service] {
    let look = looks.withLock { looks in
      defer { looks += 1 }
      return looks
    }
    var services = sampleServices
    for service in services.indices {
      for endpoint in services[service].endpoints.indices where services[service].endpoints[endpoint].local {
        services[service].endpoints[endpoint].incoming.responses += look * 100 * UInt64(endpoint + 1)
      }
    }
    return services
  }

  func drain(_ request: DrainRequest) async throws(DrainError) -> Int {
    if case .connection(404) = request { throw .notFound }
    received.withLock { $0.append(request) }
    if case .connection = request { return 1 }
    return 12
  }
}

/// Serves an agent while `body` runs.
///
/// - Parameter socket: a path; without one, one in a directory of its own.
func withAgent(
  _ agent: SampleAgent = SampleAgent(), at socket: String? = nil, _ body: (_ socket: String) async throws -> Void
) async throws {
  guard let socket else {
    return try await withTemporaryDirectory { try await withAgent(agent, at: "\($0)/s.sock", body) }
  }
  let logger = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
  let server = try StatsServer(socketPath: socket, provider: agent, logger: logger)
  try await withThrowingTaskGroup { group in
    group.addTask { try await server.run() }
    try await body(socket)
    group.cancelAll()
    try await group.waitForAll()
  }
}

/// Calls `body` with a directory that others may enter, and removes it then.
func withTemporaryDirectory(_ body: (_ directory: String) async throws -> Void) async throws {
  let path = "/tmp/evenkeel-\(UUID().uuidString.prefix(8))"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: path) }
  try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
  try await body(path)
}
