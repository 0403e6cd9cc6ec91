import Balancing

/// What old endpoints hand over to those that were added: N endpoints become M, and each of the N sheds (M-N)/M of its
/// connections within a window.
///
/// Endpoints that are added while the window of others is open belong to the same rebalance. One that comes back, not
/// long after it was there, is nothing new: whoever is to be there has found it, or will when their connections are old.
struct Rebalancing: Sendable {
  /// How long it may take; zero: nothing is shed.
  private let window: Duration
  private var histories: [Group: History] = [:]
  /// By old endpoint, until their windows are over.
  private var sheds: [SocketAddress: Shed] = [:]

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
    fileprivate var part: Double
    /// No snapshot has been looked at since it last grew.
    fileprivate(set) var isPending = true
    /// How many connections there were at the first look.
    fileprivate var connections: Int?
    fileprivate var chosen = 0
  }

  /// There are endpoints of which the connections are to be chosen that they shed.
  var isPending: Bool { sheds.contains { $0.value.isPending } }

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
    var old: Set<SocketAddress>
    var added: Set<SocketAddress> = []
    var ends: Duration

    var part: Double { Double(added.count) / Double(old.count + added.count) }
  }

  /// Takes what is in force from now on. What a group has at its first appearance is not new.
  ///
  /// - Parameter interval: for how long an endpoint that has left is remembered: the Service's drain interval.
  mutating func endpointsChanged(
    to servicePorts: [ServicePort], on node: Node, interval: (ServicePort) -> Duration, at now: Duration
  ) {
    sheds = sheds.filter { $0.value.ends > now }
    var updated: [Group: History] = [:]
    for servicePort in servicePorts where servicePort.mode == .balance {
      let eligible = servicePort.eligibleEndpoints(on: node).map(\.address)
      for (family, endpoints) in Dictionary(grouping: eligible, by: \.ip.family) {
        let group = Group(servicePort: servicePort.servicePortName, family: family)
        updated[group] = update(group, to: Set(endpoints), remembering: interval(servicePort), at: now)
      }
    }
    // A group whose endpoints have all gone may get them back.
    let names = Set(servicePorts.lazy.filter { $0.mode == .balance }.map(\.servicePortName))
    for (group, history) in histories where updated[group] == nil && names.contains(group.servicePort) {
      updated[group] = history
    }
    histories = updated
  }

  private mutating func update(
    _ group: Group, to present: Set<SocketAddress>, remembering interval: Duration, at now: Duration
  ) -> History {
    guard var history = histories[group] else { return History(present: present) }
    let stayed = history.present.intersection(present)
    history.departed = history.departed.filter { now - $0.value < interval }
    let added = present.filter { !stayed.contains($0) && history.departed[$0] == nil }
    for endpoint in history.present where !present.contains(endpoint) { history.departed[endpoint] = now }
    for endpoint in present { history.departed[endpoint] = nil }
    history.present = present
    guard !added.isEmpty, window > .zero else { return history }

    var rebalance = history.current.flatMap { $0.ends > now ? $0 : nil } ?? Rebalance(old: stayed, ends: now)
    rebalance.old.formIntersection(present)
    rebalance.added.formIntersection(present)
    rebalance.added.formUnion(added)
    rebalance.ends = now + window
    history.current = rebalance
    for endpoint in rebalance.old { extend(endpoint, of: group, by: rebalance, at: now) }
    return history
  }

  /// An endpoint behind several Services sheds once, what the largest of their rebalances wants.
  private mutating func extend(_ endpoint: SocketAddress, of group: Group, by rebalance: Rebalance, at now: Duration) {
    var shed = sheds[endpoint] ?? Shed(group: group, began: now, ends: rebalance.ends, part: 0)
    shed.part = max(shed.part, rebalance.part)
    shed.ends = max(shed.ends, rebalance.ends)
    shed.isPending = true
    sheds[endpoint] = shed
  }
}

// MARK: - Choice

extension Rebalancing {
  /// A connection to be shed, and when.
  struct Choice: Equatable {
    let connection: UInt64
    let due: Duration
  }

  /// Chooses what an endpoint sheds, spread over what is left of its window.
  ///
  /// - Parameters:
  ///   - count: how many connections it has that are old enough to be counted.
  ///   - candidates: those of them that may be chosen, in the order in which they are to be: what was chosen before is
  ///     not among them.
  mutating func choose(
    at endpoint: SocketAddress, of count: Int, from candidates: [UInt64], now: Duration
  ) -> [Choice] {
    guard var shed = self[pending: endpoint] else { return [] }
    let connections = shed.connections ?? count
    let wanted = Self.rounded(Double(connections) * shed.part, at: endpoint, began: shed.began) - shed.chosen
    let chosen = candidates.prefix(max(0, wanted))
    shed.connections = connections
    shed.chosen += chosen.count
    sheds[endpoint] = shed
    let step = (shed.ends - now) / max(chosen.count, 1)
    return chosen.enumerated().map { position, connection in
      // Each somewhere in its step, or all pods of all nodes would shed in the same moments.
      Choice(connection: connection, due: now + step * (Double(position) + Scatter.fraction(of: connection)))
    }
  }

  /// All is chosen that the snapshot holds. Other endpoints are other nodes'.
  mutating func settle() {
    for endpoint in sheds.keys { sheds[endpoint]?.isPending = false }
  }

  /// Up or down, so that many pods together shed the right number, also where each of them has a few connections only.
  private static func rounded(_ number: Double, at endpoint: SocketAddress, began: Duration) -> Int {
    let nanoseconds = UInt64(bitPattern: Int64(began / .nanoseconds(1)))
    return Int(number + Scatter.fraction(of: endpoint.ip.high ^ endpoint.ip.low ^ UInt64(endpoint.port) ^ nanoseconds))
  }
}
