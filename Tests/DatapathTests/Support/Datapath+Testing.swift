import Balancing
import Datapath
import Kernel
import Testing

extension ServicePortName {
  static let cart = ServicePortName(service: ServiceName(namespace: "shop", name: "cart"), port: 80)
}

extension DatapathLimits {
  /// Enough for any test, and quick to make.
  static let small = DatapathLimits(services: 64, endpoints: 256, localEndpoints: 64, connectionsPerRead: 4096)
}

extension Table {
  init(
    _ endpoints: [SocketAddress], at service: SocketAddress = .service, policy: Policy = .leastConnections,
    affinity seconds: UInt32 = 0
  ) {
    self.init(
      address: service, servicePort: .cart, policy: policy, affinitySeconds: seconds, endpoints: endpoints)
  }
}

extension Datapath {
  /// A data path that ends with this value, in force for the processes of a cgroup, whose clients heed GOAWAYs.
  init(on cgroup: borrowing Cgroup, limits: DatapathLimits = .small) throws {
    var datapath = try Datapath(pins: nil, limits: limits, at: timeSinceBoot())
    try datapath.activate(on: cgroup)
    try datapath.heedGoaways(true)
    self = datapath
  }

  /// Makes these tables the only ones, and waits until they are in force. Returns what could not be done.
  mutating func setTables(_ tables: [Table]) -> [KernelError] {
    let now = timeSinceBoot()
    let unwanted = self.tables.serviceAddresses.subtracting(tables.map(\.address)).sorted()
    var failures = self.tables.change(unwanted.map { .withdraw($0) } + tables.map { .publish($0) }, seen: now, at: now)
    self.tables.withdrawLeftovers(seen: now)
    self.tables.settle()
    failures += self.tables.takeOutcome(at: now).failures
    return failures
  }

  /// Makes these tables the only ones. Nothing may go wrong.
  mutating func publish(_ tables: Table...) throws {
    for failure in setTables(tables) { throw failure }
  }

  /// Tracks what these endpoints accept. Nothing may go wrong.
  mutating func track(_ endpoints: SocketAddress...) throws {
    for failure in setLocalEndpoints(Set(endpoints), at: timeSinceBoot()) { throw failure }
  }

  func counters(of pod: SocketAddress) throws -> OutgoingCounters { try tables.counters()(.cart, pod) }

  /// Waits until a pod's counters are these, as the last packets of a connection take a moment; they stay so.
  func expect(
    _ pod: SocketAddress, active: UInt64, opened: UInt64, failed: UInt64 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var expected = OutgoingCounters()
    (expected.active, expected.opened, expected.failed) = (active, opened, failed)
    _ = try eventually { try counters(of: pod) == expected }
    let found = try counters(of: pod)
    #expect(found == expected, sourceLocation: sourceLocation)
  }

  func count(of outcome: Outcome) throws -> UInt64 {
    try #require(try outcomeCounters().first { $0.outcome == outcome }).count
  }
}
