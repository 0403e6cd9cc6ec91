import Balancing
import Testing

@Suite("The tables of Service addresses")
struct TableTests {
  @Test("there is one for each address, with the ready endpoints of its family")
  func addresses() throws {
    let tables = tables(of: cart(endpoints: [pod("10.244.0.1"), pod("10.244.0.2"), pod("[fd00::1]")]))
    #expect(try tables.keys.sorted() == [address("10.96.0.10:80"), address("[fd00:96::10]:80")])
    #expect(
      try tables[address("10.96.0.10:80")]?.endpoints == [address("10.244.0.1:50051"), address("10.244.0.2:50051")])
    #expect(try tables[address("[fd00:96::10]:80")]?.endpoints == [address("[fd00::1]:50051")])
  }

  @Test("the ports of a Service have tables of their own")
  func ports() throws {
    var second = cart(endpoints: [pod("10.244.0.2")])
    second.port = 81
    let tables = tables(of: cart(endpoints: [pod("10.244.0.1")]), second)
    #expect(try tables[address("10.96.0.10:80")]?.endpoints == [address("10.244.0.1:50051")])
    #expect(try tables[address("10.96.0.10:81")]?.endpoints == [address("10.244.0.2:50051")])
    #expect(try tables[address("10.96.0.10:81")]?.servicePort.port == 81)
  }

  @Test(
    "ready endpoints; without any, those that terminate and still serve; without those, none",
    arguments: [
      ([.ready, .serving, .terminating, .unready], [1]), ([.serving, .terminating, .unready, .serving], [1, 4]),
      ([.terminating, .unready], []), ([], []), ([.unready, .ready], [2]),
    ] as [([Endpoint.State], [Int])])
  func states(states: [Endpoint.State], eligible: [Int]) throws {
    let endpoints = states.enumerated().map { pod("10.244.0.\($0 + 1)", $1) }
    let table = try #require(tables(of: cart(endpoints: endpoints)).values.first { $0.address.ip.family == .ipv4 })
    #expect(try table.endpoints == eligible.map { try address("10.244.0.\($0):50051") })
  }

  @Test("each address has one even without endpoints: to be refused, not to be left alone")
  func withoutEndpoints() {
    #expect(tables(of: cart(endpoints: [])).values.map(\.endpoints) == [[], []])
  }

  @Test("internalTrafficPolicy Local: the endpoints of this node only, whatever their state elsewhere")
  func localOnly() throws {
    let endpoints = [
      pod("10.244.0.1", node: "b"), pod("10.244.0.2", .serving, node: "a"), pod("10.244.0.3", .unready, node: "a"),
    ]
    var local = cart(endpoints: endpoints)
    local.isLocalOnly = true
    #expect(try tables(of: local)[address("10.96.0.10:80")]?.endpoints == [address("10.244.0.2:50051")])
    #expect(
      try tables(of: cart(endpoints: endpoints))[address("10.96.0.10:80")]?.endpoints == [address("10.244.0.1:50051")])
  }

  @Test("an endpoint is on this node unless both are known and differ")
  func nodes() {
    #expect(Node(name: "a").hosts(pod("10.244.0.1", node: "a")))
    #expect(!Node(name: "a").hosts(pod("10.244.0.1", node: "b")))
    #expect(Node(name: nil).hosts(pod("10.244.0.1", node: "b")))
    #expect(Node(name: "a").hosts(pod("10.244.0.1")))
  }

  @Test("a Service of mode off has none; a headless one has no addresses; mode spread is as good as balance")
  func modes() {
    var off = cart(endpoints: [pod("10.244.0.1")])
    off.mode = .off
    var headless = cart(endpoints: [pod("10.244.0.1")])
    (headless.isHeadless, headless.addresses) = (true, [])
    var spread = cart(endpoints: [pod("10.244.0.1")])
    spread.mode = .spread
    #expect(tables(of: off).isEmpty)
    #expect(tables(of: headless).isEmpty)
    #expect(tables(of: spread).count == 2)
  }

  @Test("the Service's own policy goes before the agent's")
  func policies() {
    var maglev = cart(endpoints: [])
    maglev.policy = .maglev
    #expect(tables(of: maglev).values.allSatisfy { $0.policy == .maglev })
    #expect(tables(of: cart(endpoints: [])).values.allSatisfy { $0.policy == .random })
  }

  @Test(
    "affinity is in whole seconds, up to what the kernel side has room for",
    arguments: [(nil, 0), (.seconds(10_800), 10_800), (.seconds(1), 1), (.seconds(86_400 * 365), 0xff_ffff)]
      as [(Duration?, UInt32)])
  func affinity(timeout: Duration?, seconds: UInt32) {
    var sticky = cart(endpoints: [])
    sticky.affinityTimeout = timeout
    #expect(tables(of: sticky).values.allSatisfy { $0.affinitySeconds == seconds })
  }
}

@Suite("From the tables in force to those wanted")
struct TableChangeTests {
  @Test("what stays as it is takes no step")
  func unchanged() {
    let tables = tables(of: cart(endpoints: [pod("10.244.0.1")]))
    #expect(changes(from: tables, to: tables).isEmpty)
    #expect(changes(from: [:], to: [:]).isEmpty)
  }

  @Test("what has gone is withdrawn first, to make room; then comes what is new or has changed, in a stable order")
  func steps() throws {
    let (ipv4, ipv6) = (try address("10.96.0.10:80"), try address("[fd00:96::10]:80"))
    let old = tables(of: cart(endpoints: [pod("10.244.0.1")]))
    #expect(try changes(from: [:], to: old) == [.publish(#require(old[ipv4])), .publish(#require(old[ipv6]))])
    #expect(changes(from: old, to: [:]) == [.withdraw(ipv4), .withdraw(ipv6)])
    var other = cart(endpoints: [pod("10.244.0.1"), pod("10.244.0.2")])
    other.addresses = [try address("10.96.0.11:80").ip, ipv4.ip]
    let new = tables(of: other)
    #expect(
      try changes(from: old, to: new) == [
        .withdraw(ipv6), .publish(#require(new[ipv4])), .publish(#require(new[address("10.96.0.11:80")])),
      ])
  }

  @Test("another policy, affinity or Service is a change")
  func differences() {
    let old = tables(of: cart(endpoints: [pod("10.244.0.1")]))
    var policy = cart(endpoints: [pod("10.244.0.1")])
    policy.policy = .maglev
    var affinity = cart(endpoints: [pod("10.244.0.1")])
    affinity.affinityTimeout = .seconds(10)
    var name = cart(endpoints: [pod("10.244.0.1")])
    name.service = ServiceName(namespace: "shop", name: "basket")
    for changed in [policy, affinity, name] {
      let new = tables(of: changed)
      #expect(changes(from: old, to: new).count == 2)
    }
  }
}

private func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(text)) }

/// A pod's endpoint, by its IP.
private func pod(_ ip: String, _ state: Endpoint.State = .ready, node: String? = nil) -> Endpoint {
  guard let address = SocketAddress("\(ip):50051") else { preconditionFailure("\(ip) is no address") }
  return Endpoint(address: address, state: state, node: node)
}

/// A Service with an address of each family.
private func cart(endpoints: [Endpoint]) -> ServicePort {
  ServicePort(
    service: ServiceName(namespace: "shop", name: "cart"), port: 80,
    addresses: ["10.96.0.10", "fd00:96::10"].compactMap { IPAddress($0) }, endpoints: endpoints)
}

private func tables(of servicePorts: ServicePort...) -> [SocketAddress: Table] {
  let cluster = Cluster(servicePorts: servicePorts)
  return cluster.tables(of: cluster.serviceNames, on: Node(name: "a"), defaultPolicy: .random)
}
