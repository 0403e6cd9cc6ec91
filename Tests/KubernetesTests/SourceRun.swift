import Balancing
import Manifests
import MockAPIServer
import Synchronization

@testable import Kubernetes

/// A source that runs against a server.
final class SourceRun: Sendable {
  let server: MockAPIServer
  let source: KubernetesSource
  private let updates: AsyncStream<KubernetesUpdate>
  private let told: AsyncStream<KubernetesUpdate>.Continuation
  private let state = Mutex(State())

  private struct State {
    var cluster = Cluster()
    var count = 0
    var gate: Gate?
  }

  private init(_ server: MockAPIServer, _ source: KubernetesSource) {
    (self.server, self.source) = (server, source)
    (updates, told) = AsyncStream.makeStream()
  }

  /// Runs one while `body` does.
  static func of(
    _ objects: [String], _ options: MockAPIServer.Options = .init(), selector: LabelSelector = .everything,
    nodeName: String? = "n1", settings: WatchSettings = .quick, _ body: @Sendable (SourceRun) async throws -> Void
  ) async throws {
    try await withMockAPIServer(options) { server in
      try server.put(objects)
      try await against(server, selector: selector, nodeName: nodeName, settings: settings, body)
    }
  }

  static func against(
    _ server: MockAPIServer, selector: LabelSelector = .everything, nodeName: String? = "n1",
    settings: WatchSettings = .quick, _ body: @Sendable (SourceRun) async throws -> Void
  ) async throws {
    try await withClient(.plain(server)) { client in
      let source = KubernetesSource(
        transport: client, selector: selector, nodeName: nodeName, settings: settings, now: sinceStart, logger: .silent)
      try await against(server, source, body)
    }
  }

  static func against(
    _ server: MockAPIServer, _ source: KubernetesSource, _ body: @Sendable (SourceRun) async throws -> Void
  ) async throws {
    let run = SourceRun(server, source)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await source.run { await run.take($0) } }
      try await body(run)
      group.cancelAll()
    }
  }

  private func take(_ update: KubernetesUpdate) async {
    let gate = state.withLock { state in
      state.cluster.apply(update.cluster)
      state.count += 1
      defer { state.gate = nil }
      return state.gate
    }
    told.yield(update)
    await gate?.wait()
  }

  /// The next update, which is in `endpoints` by then.
  func next() async -> KubernetesUpdate? { await updates.first { _ in true } }

  /// How many updates there were.
  var count: Int { state.withLock { $0.count } }

  /// The next update is told, and then takes as long as the gate is closed.
  func hold() -> Gate {
    let gate = Gate()
    state.withLock { $0.gate = gate }
    return gate
  }

  /// The endpoints of each Service, as all updates so far have it.
  var endpoints: [String: [String]] {
    state.withLock { state in
      Dictionary(
        uniqueKeysWithValues: state.cluster.serviceNames.map { name in
          (name.name, state.cluster.ports(of: name).flatMap(\.endpoints).map { "\($0.address)" })
        })
    }
  }

  /// Something that can be waited for until it is opened.
  struct Gate: Sendable {
    private let opened: AsyncStream<Void>
    private let opening: AsyncStream<Void>.Continuation

    init() { (opened, opening) = AsyncStream.makeStream() }

    func open() { opening.finish() }

    func wait() async {
      for await _ in opened {}
    }
  }
}
