import Balancing
import Testing

@testable import Draining

@Suite("Pods that are added")
struct RebalanceTests {
  /// A Service of these pods; the tests' node hosts them all.
  private func cart(
    _ pods: some Sequence<SocketAddress>, _ name: String = "cart", mode: Mode = .balance, interval: Duration? = nil,
    isLocalOnly: Bool = false, unready: [SocketAddress] = []
  ) -> ServicePort {
    ServicePort(
      service: ServiceName(namespace: "shop", name: name), port: 80, mode: mode, drainInterval: interval,
      isLocalOnly: isLocalOnly,
      endpoints: pods.map { Endpoint(address: $0) } + unready.map { Endpoint(address: $0, state: .unready) })
  }

  private func pods(_ numbers: ClosedRange<Int>) -> [SocketAddress] { numbers.map { pod($0) } }

  /// So many connections on each of the pods, all far too young for their age to matter.
  private func node(
    _ count: Int, on pods: ClosedRange<Int>, pace: Double = 100, window: Duration = .seconds(10)
  ) -> Node {
    let all = pods.flatMap { connections(count, from: UInt64($0) * 100, at: pod($0)) }
    let policies = Dictionary(
      uniqueKeysWithValues: self.pods(1...200).map { ($0, DrainPolicy(interval: .seconds(600))) })
    return Node(all, pace: pace, window: window, policies: policies)
  }

  @Test("3 become 6: each of the 3 sheds half of its connections, the oldest, within the window, and no more after it")
  func doubled() {
    var node = node(10, on: 1...3)
    node.change([cart(pods(1...3))], at: .seconds(100))
    #expect(node.placements(at: .seconds(100)) == [])
    node.change([cart(pods(1...6))], at: .seconds(200))
    let shed = node.drain(from: .seconds(200), until: .seconds(300))
    #expect(Set(shed.map(\.reason)) == [.rebalance])
    for number in 1...3 as ClosedRange<UInt64> {
      #expect(shed.map(\.connection).filter { $0 / 100 == number }.sorted() == Array(number * 100..<number * 100 + 5))
    }
    #expect(shed.allSatisfy { $0.time <= .seconds(210) })
  }

  @Test("What is shed is spread over the window")
  func spread() {
    var node = node(100, on: 1...1)
    node.change([cart(pods(1...1))], at: .zero)
    node.change([cart(pods(1...2))], at: .seconds(100))
    let times = node.drain(from: .seconds(100), until: .seconds(120)).map { ($0.time - .seconds(100)) / .seconds(1) }
    #expect(times.count == 50)
    for second in 0..<10 { #expect((3...7).contains(times.count { Int($0) == second }), "second \(second)") }
  }

  @Test("That holds for the connections that are old because their jitter is large, too")
  func spreadOfTheOld() {
    var node = node(400, on: 1...1)
    node.policies[pod(1)] = DrainPolicy(interval: .seconds(1_000_000))
    let old = node.connections.filter {
      MaxAge(interval: .seconds(100), jitterPercent: 50).age(of: $0.id) > .seconds(120)
    }
    node.connections = old
    node.change([cart(pods(1...1))], at: .zero)
    node.change([cart(pods(1...2))], at: .seconds(100))
    // Each is somewhere in a step of its own: where, must not follow from its age.
    let shed = node.drain(from: .seconds(100), until: .seconds(120)).map(\.time)
    let step = Duration.seconds(10) / (old.count / 2)
    let places = shed.enumerated().map { ($1 - .seconds(100) - step * $0) / step }
    #expect((0.35...0.65).contains(places.reduce(0, +) / Double(places.count)), "\(places)")
  }

  @Test("The pace holds: a window that is too short for it is exceeded")
  func pace() {
    var node = node(20, on: 1...1, pace: 5, window: .seconds(2))
    node.change([cart(pods(1...1))], at: .zero)
    node.change([cart(pods(1...2))], at: .seconds(100))
    let times = node.drain(from: .seconds(100), until: .seconds(150)).map(\.time)
    #expect(times.count == 10)
    for (earlier, later) in zip(times, times.dropFirst()) { #expect(later - earlier >= .seconds(1)) }
  }

  @Test(
    "Scale-ups in a row are one: 3, 4, 5, 6 pods, and each of the 3 has shed half, until the last one's window ends")
  func inARow() {
    var node = node(10, on: 1...3)
    node.change([cart(pods(1...3))], at: .zero)
    var shed: [Node.Drained] = []
    for (step, count) in [4, 5, 6].enumerated() {
      let time = Duration.seconds(100 + 4 * step)
      node.change([cart(pods(1...count))], at: time)
      shed += node.drain(from: time, until: time + .seconds(4))
    }
    shed += node.drain(from: .seconds(112), until: .seconds(200))
    #expect(shed.count == 15)
    #expect(Set(shed.map(\.connection)).count == 15)
    #expect(shed.allSatisfy { $0.time <= .seconds(118) })
  }

  @Test("Pods that were added before the last ones do not shed in the same rebalance")
  func addedInARow() {
    var node = node(10, on: 1...2)
    node.change([cart(pods(1...1))], at: .zero)
    node.change([cart(pods(1...2))], at: .seconds(100))
    node.change([cart(pods(1...3))], at: .seconds(101))
    #expect(node.drain(from: .seconds(101), until: .seconds(200)).allSatisfy { $0.connection < 200 })
  }

  @Test("Where as many pods leave as are added, in the same moment, nobody sheds: those that leave fill the new ones")
  func replaced() {
    var node = node(10, on: 1...3)
    node.change([cart(pods(1...3))], at: .zero)
    node.change([cart(pods(2...4))], at: .seconds(100))
    node.change([cart(pods(3...5))], at: .seconds(105))
    #expect(node.drain(from: .seconds(105), until: .seconds(200)).isEmpty)
    node.change([cart(pods(3...6))], at: .seconds(200))
    #expect((2...3).contains(node.drain(from: .seconds(200), until: .seconds(300)).count), "a quarter of 10")
  }

  @Test("A rolling update with a surge: when the old pod leaves, what was not shed yet is taken back")
  func surge() {
    var node = node(30, on: 1...2)
    node.change([cart(pods(1...2))], at: .zero)
    node.change([cart(pods(1...3))], at: .seconds(100))
    let first = node.drain(from: .seconds(100), until: .seconds(101)).count
    #expect((1...4).contains(first), "of 20 within 10 s")
    node.change([cart(pods(2...3), unready: [pod(1)])], at: .seconds(101))
    #expect(node.drain(from: .seconds(101), until: .seconds(200)).filter { $0.connection / 100 == 2 }.isEmpty)
    // As if nothing had been asked: they are drained for the next pod.
    node.change([cart(pods(2...4))], at: .seconds(200))
    #expect((9...11).contains(node.drain(from: .seconds(200), until: .seconds(300)).count), "a third of what it has")
  }

  @Test("A scale-up of which a part is taken back sheds for what is left of it")
  func takenBack() {
    var node = node(30, on: 1...3)
    node.change([cart(pods(1...3))], at: .zero)
    node.change([cart(pods(1...6))], at: .seconds(100))
    _ = node.tick(at: .seconds(100))
    node.change([cart(pods(1...4))], at: .seconds(100))
    let shed = node.drain(from: .seconds(100), until: .seconds(200)).count
    #expect((21...24).contains(shed), "a quarter of 90, not half: \(shed)")
  }

  @Test("Connections that were made since then are not shed: they could go to the added pods")
  func younger() {
    var node = node(4, on: 1...1)
    node.change([cart(pods(1...1))], at: .zero)
    node.change([cart(pods(1...2))], at: .seconds(100))
    node.connections += (900..<996).map { connection($0, at: pod(1), established: .milliseconds(100_100)) }
    #expect(node.drain(from: .seconds(101), until: .seconds(200)).map(\.connection) == [100, 101])
  }

  @Test("A pod that comes back within the drain interval drains nobody; one that was away for longer does")
  func flapping() {
    var node = node(10, on: 1...3)
    node.change([cart(pods(1...3), interval: .seconds(60))], at: .zero)
    for step in 0..<10 {
      let time = Duration.seconds(100 + 20 * step)
      node.change([cart(pods(1...2), interval: .seconds(60), unready: [pod(3)])], at: time)
      node.change([cart(pods(1...3), interval: .seconds(60))], at: time + .seconds(15))
      #expect(node.drain(from: time + .seconds(15), until: time + .seconds(20)).isEmpty)
    }
    node.change([cart(pods(1...2), interval: .seconds(60))], at: .seconds(400))
    node.change([cart(pods(1...3), interval: .seconds(60))], at: .seconds(461))
    #expect(node.drain(from: .seconds(461), until: .seconds(500)).count >= 6)
  }

  @Test("A new pod that flaps is new once")
  func newAndFlapping() {
    var node = node(12, on: 1...3)
    node.change([cart(pods(1...3))], at: .zero)
    var shed = 0
    for step in 0..<10 {
      let time = Duration.seconds(100 + 30 * step)
      node.change([cart(pods(1...4))], at: time)
      shed += node.drain(from: time, until: time + .seconds(20)).count
      node.change([cart(pods(1...3))], at: time + .seconds(20))
    }
    #expect(shed == 9)
  }

  @Test("All endpoints that vanish for a moment and come back are nothing new")
  func vanished() {
    var node = node(10, on: 1...3)
    node.change([cart(pods(1...3))], at: .zero)
    node.change([cart([])], at: .seconds(100))
    node.change([cart(pods(1...3))], at: .seconds(101))
    node.change([], at: .seconds(102))
    node.change([cart(pods(1...3))], at: .seconds(103))
    #expect(node.drain(from: .seconds(103), until: .seconds(200)).isEmpty)
  }

  @Test("A pod behind two Services sheds once")
  func twoServices() {
    var node = node(10, on: 1...2)
    node.change([cart(pods(1...2)), cart(pods(1...2), "cart-headless")], at: .zero)
    node.change([cart(pods(1...4)), cart(pods(1...4), "cart-headless")], at: .seconds(100))
    #expect(node.drain(from: .seconds(100), until: .seconds(200)).count == 10)
  }

  @Test("Endpoints of one family take over nothing from those of the other")
  func families() throws {
    let six = SocketAddress(ip: try #require(IPAddress("fd00::1")), port: 50051)
    var node = node(10, on: 1...1)
    node.connections += connections(10, from: 600, at: six)
    node.policies[six] = DrainPolicy(interval: .seconds(600))
    node.change([cart([pod(1), six])], at: .zero)
    node.change([cart([pod(1), pod(2), six])], at: .seconds(100))
    #expect(Set(node.drain(from: .seconds(100), until: .seconds(200)).map(\.connection)) == Set(100..<105))
  }

  @Test(
    "Nothing is shed where the window is zero, or the Service is only spread or left alone",
    arguments: [(Duration.zero, Mode.balance), (.seconds(10), .spread), (.seconds(10), .off)])
  func off(window: Duration, mode: Mode) {
    var node = node(10, on: 1...3, window: window)
    node.change([cart(pods(1...3), mode: mode)], at: .zero)
    node.change([cart(pods(1...6), mode: mode)], at: .seconds(100))
    #expect(node.drain(from: .seconds(100), until: .seconds(200)).isEmpty)
  }

  @Test("With internalTrafficPolicy Local, only pods that were added on this node matter")
  func localOnly() {
    func endpoints(_ nodes: [String]) -> [Endpoint] {
      nodes.enumerated().map { Endpoint(address: pod($0 + 1), node: $1) }
    }
    var service = cart([], isLocalOnly: true)
    var node = node(10, on: 1...1)
    service.endpoints = endpoints(["here"])
    node.change([service], on: "here", at: .zero)
    service.endpoints = endpoints(["here", "there"])
    node.change([service], on: "here", at: .seconds(100))
    #expect(node.drain(from: .seconds(100), until: .seconds(200)).isEmpty)
    service.endpoints = endpoints(["here", "there", "here"])
    node.change([service], on: "here", at: .seconds(200))
    #expect(node.drain(from: .seconds(200), until: .seconds(300)).count == 5)
  }

  @Test("Of many pods with two connections each, together as many are shed as should be")
  func fewEach() {
    var node = node(2, on: 1...100)
    node.change([cart(pods(1...100))], at: .zero)
    node.change([cart(pods(1...150))], at: .seconds(100))
    let shed = node.drain(from: .seconds(100), until: .seconds(200)).count
    #expect((57...77).contains(shed), "a third of 200, give or take chance: \(shed)")
  }

  @Test("A connection with most of its Service's load is not shed: it would only carry its hot spot elsewhere")
  func hotSpot() {
    var node = node(4, on: 1...2)
    node.connections[0].responses = 1_000_000
    node.change([cart(pods(1...2))], at: .zero)
    node.change([cart(pods(1...4))], at: .seconds(100))
    #expect(Set(node.drain(from: .seconds(100), until: .seconds(200)).map(\.connection)) == [101, 102, 200, 201])
  }

  @Test("Whom the others shed is chosen from a new snapshot")
  func look() {
    var node = node(4, on: 1...1)
    node.change([cart(pods(1...1))], at: .zero)
    _ = node.tick(at: .seconds(10))
    #expect(node.scheduler.nextLook == nil)
    node.change([cart(pods(1...2))], at: .seconds(100))
    #expect(node.scheduler.nextLook == .seconds(100))
    #expect(node.drain(from: .seconds(100), until: .seconds(200)).count == 2)
  }

  @Test("What is to be shed later is drained for its age if that comes first, and at once on request")
  func otherReasons() {
    var node = node(4, on: 1...1)
    node.policies[pod(1)] = DrainPolicy(interval: .milliseconds(100_050))
    node.change([cart(pods(1...1))], at: .zero)
    node.change([cart(pods(1...4))], at: .seconds(100))
    #expect(node.tick(at: .seconds(100)).placements == [])
    #expect(node.request(.connection(102)) == .queued(1))
    #expect(node.tick(at: .milliseconds(100_010)).placements == [placement(102, .manual)])
    #expect(node.tick(at: .milliseconds(100_051)).placements.map(\.reason) == [.maxAge, .maxAge])
  }
}

extension Node {
  struct Drained {
    var connection: UInt64
    var reason: DrainReason
    var time: Duration
  }

  mutating func change(_ servicePorts: [ServicePort], on node: String? = nil, at now: Duration) {
    self.now = now
    let gone = Set(known).subtracting(servicePorts.map(\.servicePortName))
    known = servicePorts.map(\.servicePortName)
    scheduler.endpointsChanged(to: servicePorts, gone: gone, on: Balancing.Node(name: node), at: now)
  }

  /// Ticks whenever the scheduler wants to, and lets all that it orders be placed at once.
  mutating func drain(from start: Duration, until end: Duration) -> [Drained] {
    var drained: [Drained] = []
    var time = start
    while time < end {
      for placement in tick(at: time).placements {
        report(.placed, of: placement.connection)
        set(.draining(since: time, reason: placement.reason), of: placement.connection)
        drained.append(Drained(connection: placement.connection, reason: placement.reason, time: time))
      }
      time = max(time + .milliseconds(1), min(scheduler.nextWakeUp ?? end, time + .seconds(1)))
    }
    return drained
  }
}
