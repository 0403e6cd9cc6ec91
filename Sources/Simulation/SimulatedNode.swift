internal import Balancing
internal import Draining

/// A node: what its kernel knows, and its agent. It sees the connections that its own pods accept, and those that its
/// own clients open.
struct SimulatedNode {
  let name: Node
  /// Nil without an agent.
  private(set) var scheduler: DrainScheduler?
  /// The connections that its pods have accepted, in no order; `peers` are their clients.
  private(set) var accepted: [AcceptedConnection] = []
  private(set) var peers: [Peer] = []
  /// By Service.
  var outgoing: [Int: Outgoing] = [:]
  /// The pods that are on it and have not ended.
  var pods: [Int] = []
  /// When the agent will look next; nil: not before something happens.
  private(set) var nextTick: Duration?
  /// The last that was put into the queue of events.
  private var announcedTick: Duration?
  private var policies: [SocketAddress: DrainPolicy] = [:]
  private var lastTick = Duration.zero
  /// An age that no connection is drained before; nil: none is drained for its age.
  private let leastAge: Duration?

  /// Who is at the other end of an accepted connection.
  struct Peer {
    let client: Int
    /// Responses a second.
    let rate: Double
    /// Responses up to the last tick.
    var responses: Double
  }

  init(_ number: Int, _ settings: DrainSettings?) {
    name = Node(name: "node-\(number)")
    scheduler = settings.map { DrainScheduler(settings: $0) }
    leastAge = settings.flatMap { $0.interval > .zero ? $0.interval * (1 - $0.jitterPercent / 100) : nil }
  }

  /// Returns where in `accepted` it is.
  mutating func accept(_ id: UInt64, at endpoint: SocketAddress, from client: Int, rate: Double, _ now: Duration) -> Int
  {
    accepted.append(AcceptedConnection(id: id, endpoint: endpoint, established: now, responses: 0))
    // The request that it was opened for is answered at once.
    peers.append(Peer(client: client, rate: rate, responses: 1 - rate * (now - lastTick).seconds))
    // The agent looks once a second for new connections. One that is younger than this changes nothing: it need not look.
    if let leastAge, scheduler != nil { wake(at: now + leastAge) }
    return accepted.count - 1
  }

  /// Returns the client whose connection is in that place now, if any.
  mutating func remove(at index: Int) -> Int? {
    accepted.swapAt(index, accepted.count - 1)
    peers.swapAt(index, peers.count - 1)
    accepted.removeLast()
    peers.removeLast()
    return index < peers.count ? peers[index].client : nil
  }

  mutating func markDraining(at index: Int, _ reason: DrainReason, since: Duration) {
    accepted[index].condition = .draining(since: since, reason: reason)
  }

  /// As `Agent.apply`: new input is in force. `servicePorts` has the Services of its pods with all their endpoints,
  /// `local` with those on this node.
  mutating func apply(_ servicePorts: [ServicePort], local: [ServicePort], at now: Duration) {
    guard let settings = scheduler?.settings else { return }
    var endpoints = LocalEndpoints(defaultInterval: settings.interval)
    endpoints.replace([], with: local, on: name)
    policies = endpoints.policies
    scheduler?.endpointsChanged(to: servicePorts, on: name, at: now)
    wake(at: now)
  }

  mutating func wake(at time: Duration) { nextTick = min(nextTick ?? time, time) }

  /// The time of the next tick, if nobody has been told of it.
  mutating func unannouncedTick() -> Duration? {
    guard nextTick != announcedTick else { return nil }
    announcedTick = nextTick
    return nextTick
  }

  /// One round of the agent's loop: look, decide, place.
  mutating func tick(at now: Duration) -> DrainOrders {
    let elapsed = (now - lastTick).seconds
    for index in peers.indices {
      peers[index].responses += peers[index].rate * elapsed
      accepted[index].responses = UInt64(max(peers[index].responses.rounded(), 0))
    }
    lastTick = now
    (nextTick, announcedTick) = (nil, nil)
    return scheduler?.tick(accepted, seen: now, policies: policies, at: now) ?? DrainOrders()
  }

  mutating func report(_ outcome: PlacementOutcome, of connection: UInt64, at now: Duration) {
    scheduler?.report(outcome, of: connection, at: now)
  }

  /// The round is over, at this time.
  mutating func endRound(at now: Duration) {
    if let time = scheduler?.nextWakeUp { wake(at: max(time, now)) }
  }
}
