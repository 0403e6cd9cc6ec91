import Balancing

/// What one tick sees: each pod's open connections, and the most urgent of those that are due.
struct Survey {
  /// How many connections there are, and when they were looked at.
  private let connections: Int
  private let seen: Duration
  let now: Duration
  private let settings: DrainSettings
  private let policies: [SocketAddress: DrainPolicy]
  /// No more than this many can be handed out now.
  private let free: Int
  private var indices: [SocketAddress: Int] = [:]
  /// Where the pod of an address was found last, by a few of the address's bits: a hash of all of it for each connection
  /// would be a fifth of what the agent itself does in a round.
  private var hints = [Int](repeating: 0, count: 256)
  private(set) var pods: [Pod] = []
  /// Connections that should have their GOAWAY by now.
  private(set) var queued = 0
  /// When the next of the others will be due, or should be looked at again.
  private(set) var nextWakeUp: Duration?
  /// When that will take a new snapshot.
  private(set) var nextLook: Duration?

  init(
    of connections: Int, seen: Duration, at now: Duration, settings: DrainSettings,
    policies: [SocketAddress: DrainPolicy], free: Int
  ) {
    (self.connections, self.seen, self.now) = (connections, seen, now)
    (self.settings, self.policies, self.free) = (settings, policies, free)
  }

  struct Pod {
    let endpoint: SocketAddress
    let rule: Rule
    var open = 0
    /// Of all its open connections.
    var load = Load()
    /// How many connections could be handed out now, if it were not for the limits.
    var due = 0
    var shortlist: Shortlist
  }

  /// Why connections of a pod are drained without having been asked for.
  struct Rule {
    let isTerminating: Bool
    let maxAge: MaxAge?
  }

  mutating func wake(at time: Duration) {
    let time = max(time, now + Limits.spacing(among: connections))
    nextWakeUp = min(nextWakeUp ?? time, time)
  }

  mutating func look(at time: Duration) {
    wake(at: time)
    nextLook = min(nextLook ?? time, time)
  }

  /// There is a connection that drains: its end is looked for.
  mutating func lookForEnd() { look(at: seen + Limits.look(among: connections)) }

  /// An open connection that waits for its GOAWAY, or will at some time.
  mutating func add(_ connection: AcceptedConnection, _ wait: ConnectionDrain.Wait) {
    let pod = index(of: connection.endpoint)
    let load = connection.load(at: now)
    pods[pod].open += 1
    pods[pod].load.add(load)
    guard let wish = pods[pod].rule.wish(for: connection, wait, at: now) else { return }
    guard wish.due <= now else { return wake(at: wish.due) }
    queued += 1
    guard connection.responses > 0 else { return look(at: seen + look(for: wish.reason)) }
    guard wait.notBefore <= now else { return wake(at: wait.notBefore) }
    pods[pod].due += 1
    pods[pod].shortlist.add(
      Candidate(
        reason: wish.reason, magnitude: load.magnitude, established: connection.established, connection: connection.id))
  }

  /// How soon to look again for a connection that has not served yet.
  private func look(for reason: DrainReason) -> Duration {
    reason == .maxAge ? Limits.look(among: connections) : Limits.urgentLook
  }

  /// An open connection on which an attempt is under way.
  mutating func addAttempt(on connection: AcceptedConnection) {
    let pod = index(of: connection.endpoint)
    pods[pod].open += 1
    pods[pod].load.add(connection.load(at: now))
    queued += 1
  }

  private mutating func index(of endpoint: SocketAddress) -> Int {
    let hint = Int(truncatingIfNeeded: endpoint.ip.low ^ UInt64(endpoint.port)) & (hints.count - 1)
    let likely = hints[hint]
    if likely < pods.count && pods[likely].endpoint == endpoint { return likely }
    let index = indices[endpoint] ?? addPod(at: endpoint)
    hints[hint] = index
    return index
  }

  private mutating func addPod(at endpoint: SocketAddress) -> Int {
    let policy = policies[endpoint]
    let rule = Rule(
      isTerminating: policy?.isTerminating ?? false,
      maxAge: policy?.interval.map { MaxAge(interval: $0, jitterPercent: settings.jitterPercent) })
    pods.append(Pod(endpoint: endpoint, rule: rule, shortlist: Shortlist(capacity: free)))
    indices[endpoint] = pods.count - 1
    return pods.count - 1
  }
}

extension Survey.Rule {
  /// Why and from when on the connection is to be drained; nil: not at all, as things are.
  fileprivate func wish(
    for connection: AcceptedConnection, _ wait: ConnectionDrain.Wait, at now: Duration
  ) -> ConnectionDrain.Wish? {
    if isTerminating { return .init(reason: .endpointTerminating, due: now) }
    let aged = maxAge.map {
      ConnectionDrain.Wish(reason: .maxAge, due: connection.established + $0.age(of: connection.id))
    }
    guard let requested = wait.requested else { return aged }
    guard let aged, requested.due > now, aged.due < requested.due else { return requested }
    return aged
  }
}

extension Survey.Pod {
  func turns(_ count: Int, lastAttempt: Duration?) -> [Turn] {
    shortlist.candidates.prefix(count).enumerated().map { round, candidate in
      Turn(
        candidate: candidate, endpoint: endpoint, round: round, magnitude: load.magnitude,
        lastAttempt: lastAttempt ?? .zero)
    }
  }
}
