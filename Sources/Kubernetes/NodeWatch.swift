internal import Manifests

/// Asks for the agent's own Node, again and again: for all that the agent wants of it, its zone, a watch would be too much
/// on each of a thousand nodes, and would ask for more rights than `get`.
struct NodeWatch: Sendable {
  let name: String
  let transport: any APITransport
  let settings: WatchSettings
  let now: @Sendable () -> Duration

  /// Until it is cancelled.
  ///
  /// - Parameter tell: Called after each attempt, with the Node or with what is wrong.
  /// - Throws: `CancellationError`, and nothing else.
  func run(_ tell: (Result<ClusterNode, SourceProblem>) -> Void) async throws {
    var backOff = BackOff(settings.backOff)
    var failingSince: Duration?
    while true {
      let pause: Duration
      do {
        tell(.success(try await get()))
        (pause, failingSince) = (interval, nil)
        backOff.succeeded(at: now())
      } catch {
        try Task.checkCancellation()
        let failure = error as? WatchFailure ?? .noAnswer("\(error)")
        let message = failure.message("get of node \(name)", right: "get on nodes")
        tell(.failure(SourceProblem(subject: "node \(name)", message: message, since: failingSince ?? now())))
        failingSince = failingSince ?? now()
        // A right that is missing will be missing for a while.
        let wait = backOff.failed(at: now(), retryAfter: failure.status?.retryAfter, fraction: .random(in: 0...1))
        pause = failure.status?.code == 403 ? interval : wait
      }
      try await Task.sleep(for: pause)
    }
  }

  private var interval: Duration {
    let (least, most) = (settings.nodeInterval.lowerBound, settings.nodeInterval.upperBound)
    return least + (most - least) * Double.random(in: 0...1)
  }

  /// - Throws: `WatchFailure`, or what the transport throws.
  private func get() async throws -> ClusterNode {
    try await withThrowingTaskGroup(of: ClusterNode.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await request() }
      group.addTask {
        try await Task.sleep(for: settings.silence)
        throw WatchFailure.silent(for: settings.silence)
      }
      return try await group.next() ?? { throw CancellationError() }()
    }
  }

  private func request() async throws -> ClusterNode {
    let decoder = ManifestDecoder(unknownFields: .ignored)
    let path = "/api/v1/nodes/\(name)"
    let response = try await transport.get(APIRequest(path: path))
    guard response.status == 200 else { throw WatchFailure.refused(await response.apiStatus(decoder)) }
    let body = try await response.read(limit: settings.longestLine)
    do throws(ManifestError) {
      guard case .node(let node) = try decoder.object(body, source: path) else {
        throw ManifestError(.badData, [.init(Location(path: path), "expected a v1 Node")])
      }
      return node
    } catch {
      throw WatchFailure.undecodable(error)
    }
  }
}
