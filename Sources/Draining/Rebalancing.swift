import Balancing

/// What old endpoints hand over to those that were added: N endpoints become M, and each of the N sheds (M-N)/M of its
/// connections within a window.
///
/// Endpoints that are added while the window of others is open belong to the same rebalance. So do those that leave: their
/// connections fill the added ones, and what the others were to shed for that is taken back where it has not been shed
/// yet. In a rolling update, nothing is left to be shed. An endpoint that comes back, not long after it was there, is
/// nothing new: whoever is to be there has found it, or will when their connections are old.
struct Rebalancing: Sendable {
  /// How long it may take; zero: nothing is shed.
  private let window: Duration
  private var histories: [Group: History] = [:]
  /// By old endpoint of this node, until their windows are over.
  private var sheds: [SocketAddress: Shed] = [:]
  /// There are endpoints of which the connections are to be chosen that they shed.
  private(set) var isPending = false

  init(window: Duration) { self.window = window }

  /// Endpoints of one family of a Service port: connections of one family cannot go to endpoints of the other.
  struct Group: Hashable {
    let servicePort: ServicePortName
    let family: IPAddress.Family
  }

  /// What one old endpoint sheds.
  struct Shed {
    /// By whose rebalance; of several groups the first.
    let group: Group
    /// Connections that are younger went where the added endpoints were known already.
    let began: Duration
    fileprivate(set) var ends: Duration
    /// By group; the largest counts.
    fileprivate var parts: [Group: Double] = [:]
    /// No snapshot has been looked at since it last changed.
    fileprivate(set) var isPending = true
    /// How many connections there were at the first look.
    fileprivate var connections: Int?
    fileprivate var chosen = 0
  }

  /// What is to be chosen of an endpoint's connections; nil: nothing.
  subscript(pending endpoint: SocketAddress) -> Shed? { sheds[endpoint].flatMap { $0.isPending ? $0 : nil } }
}

// MARK: - Input

extension Rebalancing {
  private struct History {
    /// Where connections may go.
    var present: Set<SocketAddress>
    /// Where they could go until then, and cannot now.
    var departed: [SocketAddress: Duration] = [:]
    var current: Rebalance?
  }

  private struct Rebalance {
    /// The N that were there when it began, and those of them that still are.
    let before: Set<SocketAddress>
    var stayed: Set<SocketAddress>
    var added: Set<SocketAddress> = []
    var ends: Duration

    /// (M-N)/M
    var part: Double {
      let now = stayed.count + added.count
      return now > before.count ? Double(now - before.count) / Double(now) : 0
    }
  }

  /// Takes what some Service ports have come to be. What a group has at its first appearance is not new.
  ///
  /// - Parameters:
  ///   - gone: Service ports that are there no more.
  ///   - interval: for how long an endpoint that has left is remembered: the Service's drain interval.
  mutating func endpointsChanged(
    to servicePorts: [ServicePort], gone: some Sequence<ServicePortName>, on node: Node,
    interval: (ServicePort) -> Duration, at now: Duration
  ) {
    sheds = sheds.filter { $0.value.ends > now }
    gone.forEach { forget($0) }
    for servicePort in servicePorts {
      guard servicePort.mode == .balance else {
        forget(servicePort.servicePortName)
        continue
      }
      let eligible = servicePort.eligibleEndpoints(on: node)
      // A group whose endpoints have all gone may get them back: it is not forgotten.
      for (family, endpoints) in Dictionary(grouping: eligible, by: \.address.ip.family) {
        let group = Group(servicePort: servicePort.servicePortName, family: family)
        // Where this node has no part in a group, there is nothing to be shed.
        guard histories[group] != nil || endpoints.contains(where: node.hosts) else { continue }
        let (history, rebalance) = updated(
          group, to: Set(endpoints.map(\.address)), remembering: interval(servicePort), at: now)
        histories[group] = history
        guard let rebalance else { continue }
        for endpoint in endpoints where rebalance.stayed.contains(endpoint.address) && node.hosts(endpoint) {
          adjust(endpoint.address, of: group, to: rebalance, at: now)
        }
      }
    }
  }

  private mutating func forget(_ servicePort: ServicePortName) {
    for family in IPAddress.Family.allCases { histories[Group(servicePort: servicePort, family: family)] = nil }
  }

  /// Also returns the rebalance, where it has begun or changed.
  private func updated(
    _ group: Group, to present: Set<SocketAddress>, remembering interval: Duration, at now: Duration
  ) -> (History, Rebalance?) {
    guard var history = histories[group] else { return (History(present: present), nil) }
    let stayed = history.present.intersection(present)
    history.departed = history.departed.filter { now - $0.value < interval }
    let added = present.filter { !stayed.contains($0) && history.departed[$0] == nil }
    for endpoint in history.present where !present.contains(endpoint) { history.departed[endpoint] = now }
    for endpoint in present { history.departed[endpoint] = nil }
    let before = history.present
    history.present = present
    let open = history.current.flatMap { $0.ends > now ? $0 : nil }
    guard window > .zero, !added.isEmpty || open != nil else { return (history, nil) }

    var rebalance = open ?? Rebalance(before: before, stayed: before, ends: now)
    let former = rebalance.part
    rebalance.stayed = rebalance.before.intersection(present)
    rebalance.added.formIntersection(present)
    rebalance.added.formUnion(added)
    if !added.isEmpty { rebalance.ends = now + window }
    history.current = rebalance
    return (history, rebalance.part != former || !added.isEmpty ? rebalance : nil)
  }

  /// An endpoint behind several Services sheds once, what the largest of their rebalances wants.
  private mutating func adjust(_ endpoint: SocketAddress, of group: Group, to rebalance: Rebalance, at now: Duration) {
    var shed = sheds[endpoint] ?? Shed(group: group, began: now, ends: rebalance.ends)
    shed.parts[group] = rebalance.part
    shed.ends = max(shed.ends, rebalance.ends)
    shed.isPending = true
    sheds[endpoint] = shed
    isPending = true
  }
}

// MARK: - Choice

extension Rebalancing {
  /// What changes for one connection.
  enum Choice: Equatable {
    /// It is to be shed from then on.
    case shed(UInt64, due: Duration)
    /// It was to be, and stays.
    case keep(UInt64)
  }

  /// Chooses what an endpoint sheds, spread over what is left of its window; or what it keeps of what it was to shed.
  ///
  /// - Parameters:
  ///   - count: how many connections it has that are old enough to be counted.
  ///   - candidates: those of them that may be chosen, in the order in which they are to be: what was chosen before is
  ///     not among them.
  ///   - chosen: those that were chosen, and may be kept, in the order in which they are to be.
  mutating func choose(
    at endpoint: SocketAddress, of count: Int, from candidates: [UInt64], or chosen: [UInt64], now: Duration
  ) -> [Choice] {
    guard var shed = self[pending: endpoint] else { return [] }
    let connections = shed.connections ?? count
    let part = shed.parts.values.max() ?? 0
    let more = Self.rounded(Double(connections) * part, at: endpoint, began: shed.began) - shed.chosen
    let (added, kept) = (candidates.prefix(max(0, more)), chosen.prefix(max(0, -more)))
    shed.connections = connections
    shed.chosen += added.count - kept.count
    sheds[endpoint] = shed
    let step = (shed.ends - now) / max(added.count, 1)
    let sheds = added.enumerated().map { position, connection in
      // Each somewhere in its step, or all pods of all nodes would shed in the same moments.
      Choice.shed(connection, due: now + step * (Double(position) + Scatter.fraction(of: connection, for: .rebalance)))
    }
    return sheds + kept.map(Choice.keep)
  }

  /// All is chosen that the snapshot holds.
  mutating func settle() {
    sheds = sheds.mapValues { shed in
      var shed = shed
      shed.isPending = false
      return shed
    }
    isPending = false
  }

  /// Up or down, so that many pods together shed the right number, also where each of them has a few connections only.
  private static func rounded(_ number: Double, at endpoint: SocketAddress, began: Duration) -> Int {
    guard number > 0 else { return 0 }
    let nanoseconds = UInt64(bitPattern: Int64(began / .nanoseconds(1)))
    let key = endpoint.ip.high ^ endpoint.ip.low ^ UInt64(endpoint.port) ^ nanoseconds
    return Int(number + Scatter.fraction(of: key, for: .rebalance))
  }
}
