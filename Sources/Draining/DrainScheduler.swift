public import Balancing

/// Decides which connections get a GOAWAY, when, and in which order.
///
/// It knows no clock, no socket and no kernel: what is seen and the time since boot are handed in, what is to be done
/// comes out. The agent calls
/// - `tick` with its last snapshot: at `nextWakeUp`, and when endpoints change. A snapshot takes the kernel longer than
///   all the rest takes anybody, so that a new one is only made when there is something that it alone can tell: at
///   `nextLook`, when endpoints change, and after `DrainPolicy.longestPause` at the latest, because connections that no
///   snapshot has shown yet cannot be foreseen;
/// - `report` with the outcome of each placement that a tick has ordered;
/// - `request` when an operator asks for a drain;
/// - `endpointsChanged` when Services or endpoints have, before the next tick.
///
/// What holds: a connection gets one GOAWAY at most, none before its first response has ended, and none after any other
/// GOAWAY. No window of one second sees more GOAWAYs on a pod than its pace, unless the pod is terminating. The pace is a
/// percentage of the connections that are open on the pod when a GOAWAY is handed out, rounded down, and at least one.
/// Connections that are draining do not count, and do not hold up the others.
///
/// What has happened since the snapshot was made does no harm: whoever places looks at the connection first, and the
/// outcome says that it is gone.
///
/// A tick takes time in proportion to the connections in the snapshot. Only those that were asked for, attempted or
/// drained take memory between ticks.
public struct DrainScheduler: Sendable {
  public let settings: DrainSettings
  /// When the next tick has something to do, as far as is known: possibly already. Nil: nothing is in sight.
  public private(set) var nextWakeUp: Duration?
  /// From when on ticks want a new snapshot: possibly already. Nil: the last one will do.
  public private(set) var nextLook: Duration?
  /// Connections that waited for their GOAWAY at the last tick, those included for which it was then ordered.
  public private(set) var queued = 0

  private var drains: [UInt64: ConnectionDrain] = [:]
  private var paces: [SocketAddress: Pace] = [:]
  private var rebalancing: Rebalancing
  /// Counts the snapshots, one a tick: the same again is another one.
  private var snapshot: UInt64 = 0
  private var lastTick = Duration.zero
  /// How many connections the last snapshot held.
  private var connectionCount = 0
  /// Handed out, the outcome not known yet.
  private var attempts = 0
  private var backlog = Backlog.none

  /// Why connections that were due at the last tick were not handed out.
  private enum Backlog {
    case none
    /// Some pods had room for no more.
    case pace
    /// There were too many for one batch.
    case batch
  }

  public init(settings: DrainSettings) {
    self.settings = settings
    rebalancing = Rebalancing(window: settings.rebalanceWindow)
  }

  /// Takes all of this node's connections as they were when last looked at, and the policies that are in force.
  ///
  /// An endpoint without a policy is not drained, except on request.
  ///
  /// - Parameter seen: when the connections were looked at, since boot.
  public mutating func tick(
    _ connections: [AcceptedConnection], seen: Duration, policies: [SocketAddress: DrainPolicy], at now: Duration
  ) -> DrainOrders {
    (snapshot, lastTick, connectionCount) = (snapshot + 1, now, connections.count)
    rebalance(connections, policies, at: now)
    var survey = Survey(
      of: connections.count, seen: seen, at: now, settings: settings, policies: policies,
      free: Limits.attempts - attempts)
    var orders = DrainOrders()
    for connection in connections { look(at: connection, &survey, &orders) }
    orders.ended = forgetTheGone(at: now)
    advancePaces(to: now)
    orders.placements = handOut(&survey)
    (nextWakeUp, nextLook, queued) = (survey.nextWakeUp, survey.nextLook, survey.queued)
    return orders
  }

  /// The outcome of a placement that was ordered. Anything else, as a second outcome, is ignored.
  public mutating func report(_ outcome: PlacementOutcome, of connection: UInt64, at now: Duration) {
    guard let endpoint = drains[connection]?.endpoint, let settled = drains[connection]?.end(outcome, at: now) else {
      return
    }
    endAttempt(at: endpoint, placed: settled == .placed ? now : nil)
    switch settled {
    case .placed:
      lookSoon(at: now + Limits.look(among: connectionCount))
      if let due = drains[connection]?.closureDue(after: settings.grace) { lookSoon(at: due) }
    case .retry(let time): wakeSoon(at: time)
    case .over: break
    }
    switch backlog {
    case .none: break
    // What was placed counts for another second; what was not leaves its room to another connection.
    case .pace: wakeSoon(at: settled == .placed ? now + Pace.window : now)
    // A tick for each outcome would cost more than it gains.
    case .batch: if attempts <= Limits.attempts / 2 { wake(at: now) }
    }
  }

  /// Marks the connections that are there at this moment, and no later ones.
  ///
  /// It overrides everything but the rules: also where a Service is not drained otherwise, at the pace all the same.
  public mutating func request(
    _ target: DrainTarget, among connections: [AcceptedConnection], of servicePorts: [ServicePort], at now: Duration
  ) -> DrainAnswer {
    let meant = connections.filter(target.filter(servicePorts))
    guard !meant.isEmpty || target.isKnown(to: servicePorts) else { return .unknown }
    let queued = meant.count { connection in
      let new = ConnectionDrain(endpoint: connection.endpoint, snapshot: snapshot)
      return connection.condition == .open && drains[connection.id, default: new].request(.manual, due: now)
    }
    if queued > 0 { wake(at: now) }
    return .queued(queued)
  }

  /// Takes what some Service ports have come to be. Endpoints that were added to those of the last call take over
  /// connections from the others.
  ///
  /// - Parameters:
  ///   - gone: Service ports that are there no more.
  ///   - node: the node whose connections this scheduler is told of.
  public mutating func endpointsChanged(
    to servicePorts: [ServicePort], gone: some Sequence<ServicePortName> = EmptyCollection(), on node: Node,
    at now: Duration
  ) {
    rebalancing.endpointsChanged(
      to: servicePorts, gone: gone, on: node,
      interval: { [settings] in Limits.interval($0.drainInterval ?? settings.interval) }, at: now)
    if rebalancing.isPending {
      wake(at: now)
      nextLook = now
    }
  }

  /// Why the connection is left alone, if an attempt has shown that.
  public func undrainableReason(of connection: UInt64) -> UndrainableReason? {
    guard case .undrainable(let reason) = drains[connection]?.state else { return nil }
    return reason
  }

  /// How many connections take memory here.
  var rememberedConnections: Int { drains.count }

  private mutating func wake(at time: Duration) { nextWakeUp = min(nextWakeUp ?? time, time) }

  private mutating func wakeSoon(at time: Duration) {
    wake(at: max(time, lastTick + Limits.spacing(among: connectionCount)))
  }

  private mutating func lookSoon(at time: Duration) {
    wakeSoon(at: time)
    nextLook = min(nextLook ?? time, time)
  }
}

// MARK: - The parts of a tick

extension DrainScheduler {
  /// Chooses what old endpoints shed to those that were added, from the first snapshot after a change.
  private mutating func rebalance(
    _ connections: [AcceptedConnection], _ policies: [SocketAddress: DrainPolicy], at now: Duration
  ) {
    guard rebalancing.isPending else { return }
    var counted: [SocketAddress: [AcceptedConnection]] = [:]
    var loads: [Rebalancing.Group: Load] = [:]
    for connection in connections where connection.condition == .open && connection.responses > 0 {
      guard let shed = rebalancing[pending: connection.endpoint], connection.established <= shed.began else { continue }
      counted[connection.endpoint, default: []].append(connection)
      loads[shed.group, default: Load()].add(connection.load(at: now))
    }
    for (endpoint, here) in counted {
      guard let group = rebalancing[pending: endpoint]?.group, let load = loads[group] else { continue }
      let interval = Limits.interval(policies[endpoint]?.interval ?? .zero)
      let candidates = here.filter { connection in
        // Whoever carries most of a Service's load would only carry its hot spot elsewhere.
        let isHotSpot = connection.load(at: now).rate > load.rate / 2
        return drains[connection.id]?.isUntouched ?? true && (!isHotSpot || now - connection.established >= interval)
      }
      let oldestFirst = candidates.sorted { ($0.established, $0.id) < ($1.established, $1.id) }.map(\.id)
      let pending = here.compactMap { connection in
        drains[connection.id]?.pending(.rebalance).map { (due: $0, id: connection.id) }
      }
      let latestFirst = pending.sorted { $0 > $1 }.map(\.id)
      let choices = rebalancing.choose(at: endpoint, of: here.count, from: oldestFirst, or: latestFirst, now: now)
      for choice in choices {
        switch choice {
        case .shed(let id, let due):
          let new = ConnectionDrain(endpoint: endpoint, snapshot: snapshot)
          _ = drains[id, default: new].request(.rebalance, due: due)
        case .keep(let id): drains[id]?.withdraw(.rebalance)
        }
      }
    }
    rebalancing.settle()
  }

  private mutating func look(at connection: AcceptedConnection, _ survey: inout Survey, _ orders: inout DrainOrders) {
    let isOpen = connection.condition == .open
    // Where there are none, as at rest, not even a hash is needed to know that.
    guard !drains.isEmpty, let index = drains.index(forKey: connection.id) else {
      if isOpen { survey.add(connection, ConnectionDrain.Wait()) }
      if case .draining(let since, let reason) = connection.condition { adopt(connection, since, reason, &survey) }
      return
    }
    if case .draining(let since, let reason) = connection.condition {
      settle(drains.values[index].see(goawayAt: since, reason), at: connection.endpoint, since)
    }
    drains.values[index].lastSnapshot = snapshot
    switch drains.values[index].state {
    case .waiting(let wait): if isOpen { survey.add(connection, wait) }
    case .placing: if isOpen { survey.addAttempt(on: connection) }
    case .draining:
      survey.lookForEnd()
      if drains.values[index].isOverdue(after: settings.grace, at: survey.now) { orders.closures.append(connection.id) }
      if let due = drains.values[index].closureDue(after: settings.grace) { survey.look(at: due) }
    case .undrainable, .gone: break
    }
  }

  /// An agent before this one drained the connection. A grace that is over already ends with the next tick.
  private mutating func adopt(
    _ connection: AcceptedConnection, _ since: Duration, _ reason: DrainReason, _ survey: inout Survey
  ) {
    var drain = ConnectionDrain(endpoint: connection.endpoint, snapshot: snapshot)
    settle(drain.see(goawayAt: since, reason), at: connection.endpoint, since)
    drains[connection.id] = drain
    survey.lookForEnd()
    if let due = drain.closureDue(after: settings.grace) { survey.look(at: due) }
  }

  private mutating func settle(_ sighting: ConnectionDrain.Sighting, at endpoint: SocketAddress, _ since: Duration) {
    switch sighting {
    case .known: break
    case .placed: endAttempt(at: endpoint, placed: since)
    case .adopted: if since + Pace.window > lastTick { paces[endpoint, default: Pace()].adopt(placed: since) }
    }
  }

  /// Forgets what the snapshot did not hold, except the attempts whose outcome is owed.
  private mutating func forgetTheGone(at now: Duration) -> [EndedDrain] {
    let missing = drains.filter { $0.value.lastSnapshot != snapshot && !$0.value.isPlacing }
    for connection in missing.keys { drains[connection] = nil }
    return missing.compactMap { $0.value.ended($0.key, at: now) }.sorted { $0.connection < $1.connection }
  }

  private mutating func advancePaces(to now: Duration) {
    paces = paces.compactMapValues { pace in
      var pace = pace
      pace.advance(to: now)
      return pace.isIdle ? nil : pace
    }
  }

  private mutating func handOut(_ survey: inout Survey) -> [Placement] {
    var turns: [Turn] = []
    var allowed = 0
    backlog = .none
    for pod in survey.pods where pod.due > 0 {
      let pace = paces[pod.endpoint] ?? Pace()
      let room = pod.rule.isTerminating ? pod.due : pace.room(open: pod.open, percent: settings.pacePercent)
      allowed += min(room, pod.due)
      if room < pod.due {
        backlog = .pace
        if let time = pace.nextRoom { survey.wake(at: time) }
      }
      turns += pod.turns(room, lastAttempt: pace.lastAttempt)
    }
    turns.sort()
    let free = Limits.attempts - attempts
    if allowed > free { backlog = .batch }
    return turns.prefix(free).compactMap { begin($0, at: survey.now) }
  }

  /// Nil if the snapshot held the connection twice.
  private mutating func begin(_ turn: Turn, at now: Duration) -> Placement? {
    let (connection, reason) = (turn.candidate.connection, turn.candidate.reason)
    let new = ConnectionDrain(endpoint: turn.endpoint, snapshot: snapshot)
    guard drains[connection, default: new].begin(reason) else { return nil }
    attempts += 1
    paces[turn.endpoint, default: Pace()].begin(at: now)
    return Placement(connection: connection, endpoint: turn.endpoint, reason: reason)
  }

  private mutating func endAttempt(at endpoint: SocketAddress, placed: Duration?) {
    attempts -= 1
    paces[endpoint]?.end(placed: placed)
  }
}
