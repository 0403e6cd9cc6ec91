import Balancing
import Testing

@Suite("Whom endpoints are meant for")
struct HintsTests {
  private let node = Node(name: "n1", zone: "a")

  @Test("where all ready endpoints have hints for zones, those of this node's zone are taken")
  func zones() throws {
    #expect(try eligible([pod(1, zones: ["a"]), pod(2, zones: ["b"]), pod(3, zones: ["b", "a"])]) == [1, 3])
  }

  @Test("one ready endpoint without hints, and all are taken; one that is not ready does not count")
  func incomplete() throws {
    #expect(try eligible([pod(1, zones: ["a"]), pod(2), pod(3, zones: ["b"])]) == [1, 2, 3])
    #expect(try eligible([pod(1, zones: ["a"]), pod(2, .unready), pod(3, zones: ["b"])]) == [1])
  }

  @Test("where none is meant for this zone, or the zone is not known, all are taken")
  func elsewhere() throws {
    #expect(try eligible([pod(1, zones: ["b"]), pod(2, zones: ["c"])]) == [1, 2])
    let endpoints = try [pod(1, zones: ["a"]), pod(2, zones: ["b"])]
    #expect(servicePort(endpoints).eligibleEndpoints(on: Node(name: "n1")).count == 2)
  }

  @Test("hints for nodes go before those for zones, and those for zones hold where no node's does")
  func nodes() throws {
    #expect(try eligible([pod(1, nodes: ["n1"], zones: ["a"]), pod(2, nodes: ["n2"], zones: ["a"])]) == [1])
    #expect(try eligible([pod(1, nodes: ["n3"], zones: ["a"]), pod(2, nodes: ["n2"], zones: ["b"])]) == [1])
    #expect(try eligible([pod(1, nodes: ["n3"]), pod(2, nodes: ["n2"])]) == [1, 2])
  }

  @Test("endpoints that only serve while they terminate are taken whatever their hints")
  func terminating() throws {
    #expect(try eligible([pod(1, .serving, zones: ["b"]), pod(2, .serving, zones: ["a"])]) == [1, 2])
  }

  @Test("each family by itself: hints, and whether any is ready")
  func families() throws {
    let second = Endpoint(address: try #require(SocketAddress("[fd00::2]:80")), state: .serving)
    #expect(try eligible([pod(1, zones: ["a"]), pod(2, zones: ["b"]), second]) == [1, 2])
  }

  @Test("internalTrafficPolicy Local goes before hints, and holds for the Service's own addresses only")
  func local() throws {
    var port = servicePort(try [pod(1, zones: ["a"]), pod(2, zones: ["a"], node: "n2"), pod(3, zones: ["b"])])
    port.isLocalOnly = true
    #expect(last(port.eligibleEndpoints(on: node)) == [1, 3])
    (port.addresses, port.externalAddresses) = ([try ip("10.96.0.1")], [try ip("192.0.2.1")])
    let tables = port.tables(on: node, defaultPolicy: .random)
    #expect(tables.map { $0.endpoints.map { $0.ip.low & 0xff } } == [[1, 3], [1, 2]])
  }

  private func eligible(_ endpoints: [Endpoint]) -> [UInt64] {
    last(servicePort(endpoints).eligibleEndpoints(on: node))
  }

  private func last(_ endpoints: [Endpoint]) -> [UInt64] { endpoints.map { $0.address.ip.low & 0xff } }

  private func servicePort(_ endpoints: [Endpoint]) -> ServicePort {
    ServicePort(service: ServiceName(namespace: "shop", name: "cart"), port: 80, endpoints: endpoints)
  }

  private func ip(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  private func pod(
    _ number: Int, _ state: Endpoint.State = .ready, nodes: [String] = [], zones: [String] = [], node: String = "n1"
  ) throws -> Endpoint {
    Endpoint(
      address: try #require(SocketAddress("10.244.0.\(number):80")), state: state, node: node,
      hints: .init(nodes: nodes, zones: zones))
  }
}
