import Balancing
import Draining

/// Watches a scheduler from outside and writes down every rule that it breaks. It shares no code with it.
struct Referee {
  let settings: DrainSettings
  private(set) var violations: [String] = []
  /// When each GOAWAY left, and what the pace allowed when it was handed out.
  private(set) var placed: [UInt64: (time: Duration, endpoint: SocketAddress, limit: Int)] = [:]
  private var attempts: [UInt64: (endpoint: SocketAddress, limit: Int)] = [:]
  private var lost: Set<UInt64> = []
  private var refusals: [UInt64: (count: Int, last: Duration)] = [:]
  private var requested: Set<UInt64> = []

  init(settings: DrainSettings) { self.settings = settings }

  mutating func requests(_ ids: [UInt64]) { requested.formUnion(ids) }

  mutating func check(
    _ orders: DrainOrders, of node: [AcceptedConnection], _ policies: [SocketAddress: DrainPolicy], at now: Duration
  ) {
    guard !orders.placements.isEmpty else { return }
    let connections = Dictionary(uniqueKeysWithValues: node.map { ($0.id, $0) })
    let reasons = orders.placements.map(\.reason)
    expect(reasons == reasons.sorted(), "less urgent before more urgent at \(now)")
    for placement in orders.placements {
      let id = placement.connection
      guard let connection = connections[id] else { expect(false, "\(id) does not exist"); continue }
      checkConnection(connection)
      checkReason(placement.reason, of: connection, policies[connection.endpoint], at: now)
      if let refusal = refusals[id] {
        let pause = min(1000, 50 << (refusal.count - 1))
        expect(now >= refusal.last + .milliseconds(pause), "\(id) tried again too soon")
      }
      attempts[id] = (connection.endpoint, .max)
    }
    expect(attempts.count <= 32, "\(attempts.count) attempts under way")
    for endpoint in Set(orders.placements.compactMap { connections[$0.connection]?.endpoint }) {
      let here = node.filter { $0.endpoint == endpoint }
      let handedOut = orders.placements.filter { connections[$0.connection]?.endpoint == endpoint }
      checkNobodyIsPassedOver(handedOut, of: here, policies[endpoint], at: now)
      if policies[endpoint]?.isTerminating != true { checkPace(handedOut, at: endpoint, of: here, now) }
    }
  }

  private mutating func checkConnection(_ connection: AcceptedConnection) {
    let id = connection.id
    expect(connection.condition == .open, "\(id) is not open")
    expect(connection.responses > 0, "\(id) has not served")
    expect(placed[id] == nil, "\(id) has had its GOAWAY")
    expect(attempts[id] == nil, "\(id) is being attempted")
    expect(!lost.contains(id), "\(id) is undrainable or gone")
  }

  private mutating func checkReason(
    _ reason: DrainReason, of connection: AcceptedConnection, _ policy: DrainPolicy?, at now: Duration
  ) {
    switch reason {
    case .endpointTerminating: expect(policy?.isTerminating == true, "\(connection.id) does not terminate")
    case .manual: expect(requested.contains(connection.id), "\(connection.id) was not asked for")
    case .rebalance: expect(false, "nothing was added")
    case .maxAge:
      let age = now - connection.established
      let isOld = policy?.interval.map { age >= $0 * (1 - settings.jitterPercent / 100) } ?? false
      expect(isOld, "\(connection.id) is not too old")
    }
  }

  /// Who is older than the interval with all of the jitter, has served and was never tried may not be passed over by
  /// one that is both younger and not busier.
  private mutating func checkNobodyIsPassedOver(
    _ placements: [Placement], of here: [AcceptedConnection], _ policy: DrainPolicy?, at now: Duration
  ) {
    let chosen = here.filter { connection in
      placements.contains { $0.connection == connection.id && $0.reason == .maxAge }
    }
    guard !chosen.isEmpty, let interval = policy?.interval else { return }
    func busyness(_ connection: AcceptedConnection) -> Double {
      Double(connection.responses) / ((now - connection.established) / .seconds(1))
    }
    let longest = interval * (1 + settings.jitterPercent / 100)
    for connection in here where now - connection.established > longest {
      let id = connection.id
      let isLast = !chosen.contains {
        $0.established > connection.established && busyness($0) <= busyness(connection)
      }
      if isLast { continue }
      let isTouched = attempts[id] != nil || placed[id] != nil || refusals[id] != nil || lost.contains(id)
      let canBeDrained = connection.condition == .open && connection.responses > 0
      expect(isTouched || !canBeDrained, "\(id) was passed over")
    }
  }

  private mutating func checkPace(
    _ placements: [Placement], at endpoint: SocketAddress, of here: [AcceptedConnection], _ now: Duration
  ) {
    let open = here.count { $0.condition == .open && placed[$0.id] == nil && !lost.contains($0.id) }
    let limit = max(1, open * Int(settings.pacePercent) / 100)
    let inWindow = placed.values.count { $0.endpoint == endpoint && $0.time + .seconds(1) > now }
    let underWay = attempts.values.count { $0.endpoint == endpoint }
    expect(inWindow + underWay <= limit, "\(inWindow) placed and \(underWay) under way of \(limit) at \(now)")
    for placement in placements { attempts[placement.connection]?.limit = limit }
  }

  /// An outcome is about to be reported.
  mutating func reports(_ outcome: PlacementOutcome, of id: UInt64, at now: Duration) {
    guard let attempt = attempts.removeValue(forKey: id) else { return expect(false, "\(id) owes no outcome") }
    switch outcome {
    case .placed: placed[id] = (now, attempt.endpoint, attempt.limit)
    case .refused, .busy: refusals[id] = ((refusals[id]?.count ?? 0) + 1, now)
    case .undrainable, .gone: lost.insert(id)
    }
  }

  /// No window of one second may hold more GOAWAYs of a pod than the largest limit that applied to one of them.
  mutating func checkWindows() {
    for (endpoint, all) in Dictionary(grouping: placed.values, by: \.endpoint) {
      let all = all.filter { $0.limit < .max }.sorted { $0.time < $1.time }
      for (index, last) in all.enumerated() {
        let window = all[...index].reversed().prefix { $0.time + .seconds(1) > last.time }
        let limit = window.map(\.limit).max() ?? 0
        expect(window.count <= limit, "\(window.count) GOAWAYs at \(endpoint) within a second before \(last.time)")
      }
    }
  }

  private mutating func expect(_ holds: Bool, _ otherwise: String) {
    if !holds { violations.append(otherwise) }
  }
}
