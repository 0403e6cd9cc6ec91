import Balancing
import Draining

/// The pods of the tests: 10.0.0.1:50051, 10.0.0.2:50051 and so on.
func pod(_ number: Int) -> SocketAddress {
  SocketAddress(ip: IPAddress(high: 0, low: 0xffff_0a00_0000 + UInt64(number)), port: 50051)
}

func connection(
  _ id: UInt64, at endpoint: SocketAddress = pod(1), established: Duration = .zero, responses: UInt64 = 1,
  _ condition: AcceptedConnection.Condition = .open
) -> AcceptedConnection {
  AcceptedConnection(
    id: id, endpoint: endpoint, established: established, responses: responses, condition: condition)
}

func placement(
  _ connection: UInt64, at endpoint: SocketAddress = pod(1), _ reason: DrainReason
) -> Placement {
  Placement(connection: connection, endpoint: endpoint, reason: reason)
}

/// So many connections of one pod, of ages a millisecond apart: the first is the oldest.
func connections(
  _ count: Int, from first: UInt64 = 1, at endpoint: SocketAddress = pod(1)
) -> [AcceptedConnection] {
  (0..<UInt64(count)).map { connection(first + $0, at: endpoint, established: .milliseconds($0)) }
}

/// A scheduler, the node it works for, and a virtual clock.
///
/// Everything is drained at the age of exactly a minute, at a pace that does not matter, unless a test says otherwise.
struct Node {
  var scheduler: DrainScheduler
  var connections: [AcceptedConnection]
  var policies: [SocketAddress: DrainPolicy]
  var now = Duration.zero
  /// What the last look has shown, and when that was.
  private(set) var seen: (connections: [AcceptedConnection], at: Duration)?
  /// The Service ports of the last change.
  var known: [ServicePortName] = []

  init(
    _ connections: [AcceptedConnection], jitter: Double = 0, pace: Double = 100, window: Duration = .seconds(10),
    grace: Duration = .zero, policies: [SocketAddress: DrainPolicy]? = nil
  ) {
    let settings = DrainSettings(
      interval: .seconds(60), jitterPercent: jitter, pacePercent: pace, rebalanceWindow: window, grace: grace)
    scheduler = DrainScheduler(settings: settings)
    self.connections = connections
    let endpoints = Set(connections.map(\.endpoint))
    self.policies = policies ?? Dictionary(uniqueKeysWithValues: endpoints.map { ($0, .aMinute) })
  }

  /// A tick with a new snapshot.
  mutating func tick(at now: Duration) -> DrainOrders {
    seen = (connections, now)
    return tickAgain(at: now)
  }

  /// A tick with the last snapshot.
  mutating func tickAgain(at now: Duration) -> DrainOrders {
    self.now = now
    let (connections, time) = seen ?? ([], now)
    return scheduler.tick(connections, seen: time, policies: policies, at: now)
  }

  /// The ids that a tick orders to be drained.
  mutating func placements(at now: Duration) -> [UInt64] { tick(at: now).placements.map(\.connection) }

  mutating func report(_ outcome: PlacementOutcome, of connection: UInt64, after delay: Duration = .zero) {
    now += delay
    scheduler.report(outcome, of: connection, at: now)
  }

  /// Lets a tick happen and all that it orders be placed at once.
  mutating func place(at now: Duration) -> [UInt64] {
    let placed = placements(at: now)
    for id in placed { report(.placed, of: id) }
    return placed
  }

  mutating func request(_ target: DrainTarget, of servicePorts: [ServicePort] = []) -> DrainAnswer {
    scheduler.request(target, among: connections, of: servicePorts, at: now)
  }

  mutating func set(_ condition: AcceptedConnection.Condition, of id: UInt64) {
    for index in connections.indices where connections[index].id == id { connections[index].condition = condition }
  }

  mutating func end(_ id: UInt64) { connections.removeAll { $0.id == id } }
}

extension DrainPolicy {
  static let aMinute = DrainPolicy(interval: .seconds(60))
  static let terminating = DrainPolicy(interval: .seconds(60), isTerminating: true)
  static let notForAge = DrainPolicy(interval: nil)
}

/// The same numbers on every run (splitmix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }

  /// True in so many of a hundred cases.
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration {
    .milliseconds(Int.random(in: range, using: &self))
  }
}
