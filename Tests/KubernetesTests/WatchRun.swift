import Logging
import Manifests
import MockAPIServer
import Synchronization
import Testing

@testable import Kubernetes

/// A list-and-watch that runs against a server.
final class WatchRun<Server: Sendable>: Sendable {
  let server: Server
  /// What is known from the changes that have been taken.
  private let known = Mutex<Set<ObjectName>>([])
  private let changes: AsyncStream<WatchChange>
  private let problems: AsyncStream<SourceProblem?>

  private init(
    server: Server, changes: AsyncStream<WatchChange>, problems: AsyncStream<SourceProblem?>
  ) {
    (self.server, self.changes, self.problems) = (server, changes, problems)
  }

  /// Runs one while `body` does.
  ///
  /// - Parameter transport: To the server.
  static func through(
    _ transport: some APITransport, to server: Server, _ resource: WatchedResource, _ settings: WatchSettings,
    _ body: @Sendable (WatchRun) async throws -> Void
  ) async throws {
    let (changes, change) = AsyncStream.makeStream(of: WatchChange.self)
    let (problems, problem) = AsyncStream.makeStream(of: SourceProblem?.self)
    let watch = ResourceWatch(
      resource, transport: transport, settings: settings, now: sinceStart, logger: .silent,
      handler: .init(change: { change.yield($0) }, problem: { problem.yield($0) }))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await watch.run() }
      try await body(WatchRun(server: server, changes: changes, problems: problems))
      group.cancelAll()
    }
  }

  /// The next change, in short: `changed: a`, `deleted: a`, `invalid: a`.
  func change() async -> String? {
    guard let change = await changes.first(where: { _ in true }) else { return nil }
    return apply(change)
  }

  /// The names of all that is known, sorted, as soon as it has been told that these are all.
  func all() async -> String {
    for await change in changes {
      _ = apply(change)
      if case .complete = change { break }
    }
    return names
  }

  /// The names of all that is known, sorted.
  var names: String { known.withLock { $0.map(\.name).sorted().joined(separator: " ") } }

  private func apply(_ change: WatchChange) -> String {
    known.withLock { known in
      switch change {
      case .changed(let objects):
        known.formUnion(objects.map(\.metadata.objectName))
        return "changed: \(objects.map(\.metadata.name).joined(separator: " "))"
      case .deleted(let name):
        known.remove(name)
        return "deleted: \(name.name)"
      case .invalid(let name, _):
        return "invalid: \(name.name)"
      case .complete(let names):
        known.formIntersection(names)
        return "complete"
      }
    }
  }

  /// What the next problem says; nil: it has gone.
  func problem() async -> String? {
    await problems.first { _ in true }??.message
  }
}

extension WatchRun where Server == MockAPIServer {
  /// Runs one while `body` does.
  static func of(
    _ resource: WatchedResource = .services(.everything), _ options: MockAPIServer.Options = .init(),
    objects: [String] = [], settings: WatchSettings = .quick,
    _ body: @Sendable (WatchRun) async throws -> Void
  ) async throws {
    try await withMockAPIServer(options) { server in
      try server.put(objects)
      try await WatchRun.against(server, resource, settings: settings, body)
    }
  }

  static func against(
    _ server: MockAPIServer, _ resource: WatchedResource = .services(.everything), settings: WatchSettings = .quick,
    _ body: @Sendable (WatchRun) async throws -> Void
  ) async throws {
    try await withClient(.plain(server)) { client in
      try await through(client, to: server, resource, settings, body)
    }
  }

  /// The requests for watches that go on from a version, in order.
  var versions: [String] { server.requests.filter(\.isWatch).compactMap { $0.query["resourceVersion"] } }
}

extension APIServerSettings {
  /// A server in plain HTTP.
  static func plain(_ server: MockAPIServer) -> APIServerSettings {
    APIServerSettings(source: "a test", server: ServerAddress(usesTLS: false, host: "127.0.0.1", port: server.port))
  }
}

/// Time since some moment of this process.
let sinceStart: @Sendable () -> Duration = {
  let start = ContinuousClock.now
  return { start.duration(to: .now) }
}()

extension WatchSettings {
  /// Waits that are over at once.
  static var quick: WatchSettings {
    var settings = WatchSettings()
    settings.backOff.first = .milliseconds(1)
    settings.backOff.longest = .milliseconds(5)
    settings.shortestWatch = .zero
    return settings
  }
}
