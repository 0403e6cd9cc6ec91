public import Balancing
public import Logging
public import Manifests
internal import Synchronization

/// What an API server says of Services and their endpoints, and its changes: the counterpart of `ManifestSource`.
public final class KubernetesSource: Sendable {
  private let transport: any APITransport
  private let selector: LabelSelector
  private let nodeName: String?
  private let settings: WatchSettings
  private let now: @Sendable () -> Duration
  private let logger: Logger
  private let state: Mutex<Inventory>

  /// - Parameters:
  ///   - selector: Which Services are taken, by their labels.
  ///   - nodeName: The agent's Node, whose zone is the cluster's; nil: no zone.
  ///   - now: The clock of all times that the source tells of. It goes on while the machine sleeps.
  public convenience init(
    transport: any APITransport, selector: LabelSelector = .everything, nodeName: String?,
    now: @escaping @Sendable () -> Duration, logger: Logger
  ) {
    self.init(
      transport: transport, selector: selector, nodeName: nodeName, settings: WatchSettings(), now: now, logger: logger)
  }

  init(
    transport: any APITransport, selector: LabelSelector = .everything, nodeName: String?, settings: WatchSettings,
    now: @escaping @Sendable () -> Duration, logger: Logger
  ) {
    (self.transport, self.selector, self.nodeName) = (transport, selector, nodeName)
    (self.settings, self.now, self.logger) = (settings, now, logger)
    state = Mutex(Inventory(selector: selector, nodeName: nodeName))
  }

  /// What keeps the source from knowing everything as it is now, the oldest first. None: all is well.
  public var problems: [SourceProblem] { state.withLock { $0.problems } }

  /// Calls `body` when all is known for the first time, and then with whatever has changed since the last call, until the
  /// task is cancelled or `body` throws. Changes that come while `body` runs are told together. At most one `run` at a time.
  ///
  /// Failures end nothing: they are logged, `problems` has them, and what was known before stays in force.
  ///
  /// - Throws: `CancellationError`, or what `body` throws.
  public func run(_ body: (KubernetesUpdate) async throws -> Void) async throws {
    state.withLock { $0 = Inventory(selector: selector, nodeName: nodeName) }
    let (changes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      for part in [Part.services, .endpointSlices] {
        let watch = watch(part, signal)
        group.addTask { try await watch.run() }
      }
      if let nodeName { group.addTask { try await self.followNode(nodeName, signal) } }
      for await _ in changes {
        guard let update = state.withLock({ $0.takeUpdate(at: now()) }) else { continue }
        if update.isComplete { logger.info("all Services and EndpointSlices are known, and followed") }
        try await body(update)
      }
      try Task.checkCancellation()
    }
  }

  private func watch(_ part: Part, _ signal: AsyncStream<Void>.Continuation) -> ResourceWatch {
    let handler = ResourceWatch.Handler(
      change: { change in
        let seen = self.now()
        if case .invalid(_, let error) = change { self.logger.warning("\(error)") }
        self.state.withLock { $0.apply(change, of: part, seen: seen) }
        signal.yield()
      },
      problem: { problem in self.state.withLock { $0.failures[part] = problem } })
    return ResourceWatch(
      part == .services ? .services(selector) : .endpointSlices, transport: transport, settings: settings, now: now,
      logger: logger, handler: handler)
  }

  private func followNode(_ name: String, _ signal: AsyncStream<Void>.Continuation) async throws {
    let watch = NodeWatch(name: name, transport: transport, settings: settings, now: now)
    try await watch.run { result in
      let seen = now()
      let before = state.withLock { $0.failures[.node] }
      switch result {
      case .success(let node) where node.zone == nil:
        logger.info("node \(name) has no label topology.kubernetes.io/zone; hints for zones are not applied")
      case .failure(let problem) where problem.message != before?.message:
        logger.warning("\(problem.message); hints for zones are not applied as long as no zone is known")
      default: break
      }
      state.withLock { $0.apply(result, seen: seen) }
      signal.yield()
    }
  }
}

/// What has changed.
public struct KubernetesUpdate: Sendable, Equatable {
  public var cluster: ClusterUpdate
  /// The first update of all: there are no Services but those in it.
  public var isComplete: Bool
  /// When the earliest of these changes arrived, on the source's clock; of the first update, when the last was known.
  public var seen: Duration

  public init(cluster: ClusterUpdate, isComplete: Bool, seen: Duration) {
    (self.cluster, self.isComplete, self.seen) = (cluster, isComplete, seen)
  }
}
