import Balancing
import Draining
import Testing

@Suite("Random runs")
struct RandomRunTests {
  @Test(
    "In ten minutes of anything that can happen no rule is broken, and then everything due is drained",
    arguments: 1...4 as ClosedRange<UInt64>)
  func anything(seed: UInt64) {
    var world = RandomWorld(seed: seed)
    while world.now < .seconds(600) { world.step() }
    #expect(world.referee.placed.count > 300)
    world.calmDown()
    while world.now < .seconds(800) { world.step() }
    world.referee.checkWindows()
    #expect(world.referee.violations == [])
    #expect(world.left == [])
    #expect(world.drainsEnded > 100)
    #expect(world.drainsEnded == world.drainsReportedEnded)
    #expect(world.looks < world.ticks / 2)
  }
}

/// A node where connections come and go, placements succeed or fail, late, and policies and operators change their mind.
private struct RandomWorld {
  static let settings = DrainSettings(interval: .seconds(20), jitterPercent: 20, pacePercent: 10, grace: .seconds(15))

  private(set) var now = Duration.zero
  var referee = Referee(settings: settings)
  private(set) var drainsEnded = 0
  private(set) var drainsReportedEnded = 0
  private var random: SeededGenerator
  private var scheduler = DrainScheduler(settings: settings)
  private var connections: [AcceptedConnection] = []
  /// What the last look has shown, and when that was.
  private var seen: (connections: [AcceptedConnection], at: Duration) = ([], .zero)
  private(set) var looks = 0
  private(set) var ticks = 0
  /// Pod 4 has none.
  private var policies = [pod(1): Self.often, pod(2): Self.seldom, pod(3): .notForAge]
  private var isCalm = false
  private var nextID: UInt64 = 1
  private var owed: [Owed] = []
  /// When a GOAWAY has left and why: known before the snapshots show it.
  private var goaways: [UInt64: (since: Duration, reason: DrainReason)] = [:]

  private static let often = DrainPolicy(interval: .seconds(20))
  private static let seldom = DrainPolicy(interval: .seconds(45))

  private struct Owed {
    var due: Duration
    var placement: Placement
  }

  init(seed: UInt64) { random = SeededGenerator(state: seed) }

  mutating func step() {
    now += random.milliseconds(5...400)
    showGoaways()
    for _ in 0..<connections.count / 5 { connections[anyIndex()].responses += 1 }
    if isCalm {
      if random.chance(30), let id = goaways.keys.min() { end(id) }
    } else {
      for _ in 0..<Int.random(in: 0...2, using: &random) { open() }
      if !connections.isEmpty { meetFate(at: anyIndex()) }
      changeMinds()
    }
    settle()
    tick()
  }

  /// From now on nothing but the scheduler changes anything, and every placement succeeds.
  mutating func calmDown() {
    isCalm = true
    policies = [pod(1): Self.often, pod(2): Self.seldom]
    for index in connections.indices { connections[index].responses += 1 }
  }

  /// What should have been drained and was not.
  var left: [UInt64] {
    connections.filter { connection in
      connection.condition == .open && goaways[connection.id] == nil && policies[connection.endpoint] != nil
        && scheduler.undrainableReason(of: connection.id) == nil
    }.map(\.id)
  }

  private mutating func anyIndex() -> Int { Int.random(in: connections.indices, using: &random) }

  private mutating func open() {
    let endpoint = pod(Int.random(in: 1...4, using: &random))
    connections.append(connection(nextID, at: endpoint, established: now, responses: 0))
    // Snapshots are in no order.
    connections.swapAt(anyIndex(), connections.count - 1)
    nextID += 1
  }

  private mutating func showGoaways() {
    for index in connections.indices where random.chance(70) {
      guard let goaway = goaways[connections[index].id] else { continue }
      connections[index].condition = .draining(since: goaway.since, reason: goaway.reason)
    }
  }

  private mutating func meetFate(at index: Int) {
    let isDraining = goaways[connections[index].id] != nil
    switch Int.random(in: 0..<10, using: &random) {
    case 0 where !isDraining: connections[index].condition = .closing
    case 1 where !isDraining: connections[index].condition = .undrainable(.outOfSync)
    case 2, 3, 4, 5, 6: end(connections[index].id)
    default: break
    }
  }

  private mutating func end(_ id: UInt64) {
    connections.removeAll { $0.id == id }
    if goaways.removeValue(forKey: id) != nil { drainsEnded += 1 }
  }

  private mutating func changeMinds() {
    if random.chance(1) { policies[pod(1)] = random.chance(40) ? .terminating : Self.often }
    if random.chance(1) { policies[pod(2)] = random.chance(40) ? nil : Self.seldom }
    if random.chance(1) { request(.endpoint(pod(3))) }
    if random.chance(2), !connections.isEmpty { request(.connection(connections[anyIndex()].id)) }
  }

  private mutating func request(_ target: DrainTarget) {
    let meant = connections.filter { target == .connection($0.id) || target == .endpoint($0.endpoint) }.map(\.id)
    look()
    let answer = scheduler.request(target, among: connections, of: [], at: now)
    if case .queued(let count) = answer { #expect(count <= meant.count) } else { #expect(meant.isEmpty) }
    referee.requests(meant)
  }

  /// Reports the outcomes that are due by now.
  private mutating func settle() {
    for owed in owed where owed.due <= now {
      let id = owed.placement.connection
      let outcome = outcome(for: id)
      referee.reports(outcome, of: id, at: now)
      scheduler.report(outcome, of: id, at: now)
      if outcome == .placed { goaways[id] = (now, owed.placement.reason) }
    }
    owed.removeAll { $0.due <= now }
  }

  private mutating func outcome(for id: UInt64) -> PlacementOutcome {
    guard let connection = connections.first(where: { $0.id == id }) else { return .gone }
    guard connection.condition == .open else { return .refused }
    return switch isCalm ? 0 : Int.random(in: 0..<100, using: &random) {
    case ..<70: .placed
    case ..<85: .refused
    case ..<97: .busy
    default: .undrainable(.notBorrowable)
    }
  }

  private mutating func look() {
    seen = (connections, now)
    looks += 1
  }

  /// Seldom with a new snapshot, unless one is wanted.
  private mutating func tick() {
    if scheduler.nextLook.map({ $0 <= now }) ?? false || now - seen.at >= .seconds(5) || random.chance(5) { look() }
    ticks += 1
    let orders = scheduler.tick(seen.connections, seen: seen.at, policies: policies, at: now)
    referee.check(orders, of: seen.connections, policies, at: now)
    for placement in orders.placements {
      owed.append(Owed(due: now + random.milliseconds(0...600), placement: placement))
    }
    for id in orders.closures {
      let isOver = goaways[id].map { now - $0.since >= Self.settings.grace } ?? false
      #expect(isOver, "\(id) was to be closed before its grace was over")
      if random.chance(80) { end(id) }
    }
    drainsReportedEnded += orders.ended.count
  }
}
