import Foundation
import Logging
import StatsAPI
import Synchronization

/// Calls `body` with a directory that others may enter, and removes it then.
func withTemporaryDirectory(_ body: (_ directory: String) async throws -> Void) async throws {
  let path = "/tmp/evenkeel-\(UUID().uuidString.prefix(8))"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: path) }
  try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
  try await body(path)
}

/// An agent that shows the samples and notes what it is asked to drain.
final class SampleAgent: StatsProvider {
  private let received = Mutex<[DrainRequest]>([])
  let isReady: Bool
  let imbalance: Double?
  let drainAnswer: Result<Int, DrainError>

  init(isReady: Bool = true, imbalance: Double? = 1.04, drainAnswer: Result<Int, DrainError> = .success(3)) {
    (self.isReady, self.imbalance, self.drainAnswer) = (isReady, imbalance, drainAnswer)
  }

  /// What it was asked to drain.
  var requests: [DrainRequest] { received.withLock { $0 } }

  func status() async -> Status {
    var status = Status.sample
    status.ready = isReady
    return status
  }

  func services() async -> [Service] {
    var service = Service.sample
    service.imbalance = imbalance
    return [service]
  }

  func connections() async -> [Connection] { [.sample] }

  func metrics() async -> [MetricFamily] {
    [MetricFamily(name: "evenkeel_up", help: "A sample.", kind: .gauge, samples: [.init(.number(1))])]
  }

  func drain(_ request: DrainRequest) async throws(DrainError) -> Int {
    received.withLock { $0.append(request) }
    return try drainAnswer.get()
  }
}

/// Serves an agent on a socket while `body` runs.
///
/// - Parameter directory: where the socket is; without one, in a directory of its own.
func withServer(
  _ agent: SampleAgent = SampleAgent(), in directory: String? = nil, _ body: (_ socket: String) async throws -> Void
) async throws {
  guard let directory else {
    return try await withTemporaryDirectory { try await withServer(agent, in: $0, body) }
  }
  let socket = "\(directory)/s.sock"
  let server = try StatsServer(socketPath: socket, provider: agent, logger: .silent)
  try await withThrowingTaskGroup { group in
    group.addTask { try await server.run() }
    try await body(socket)
    group.cancelAll()
    try await group.waitForAll()
  }
}

extension Logger {
  static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
