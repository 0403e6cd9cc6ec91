import Balancing
import Draining
import Testing

@Suite("Requests of an operator")
struct RequestTests {
  private let cart = ServicePort(
    service: ServiceName(namespace: "shop", name: "cart"), port: 80, mode: .off,
    endpoints: [Endpoint(address: pod(1)), Endpoint(address: pod(2))])
  private let admin = ServicePort(
    service: ServiceName(namespace: "shop", name: "cart"), port: 81, endpoints: [Endpoint(address: pod(3))])

  @Test("A Service means all connections to its endpoints, on all of its ports")
  func service() {
    var node = Node((1...4).map { connection(UInt64($0), at: pod($0)) }, policies: [:])
    #expect(node.request(.service(cart.service), of: [cart, admin]) == .queued(3))
    #expect(
      node.tick(at: .seconds(1)).placements == (1...3).map { placement(UInt64($0), at: pod($0), .manual) })
  }

  @Test("An endpoint means all connections to it")
  func endpoint() {
    var node = Node((1...4).map { connection(UInt64($0), at: pod($0 % 2)) }, policies: [:])
    #expect(node.request(.endpoint(pod(0)), of: []) == .queued(2))
    #expect(node.placements(at: .seconds(1)) == [2, 4])
  }

  @Test("A connection means just that one")
  func single() {
    var node = Node(connections(3), policies: [:])
    #expect(node.request(.connection(2)) == .queued(1))
    #expect(node.placements(at: .seconds(1)) == [2])
  }

  @Test("Connections that come later are not meant")
  func later() {
    var node = Node([connection(1)], policies: [:])
    #expect(node.request(.endpoint(pod(1))) == .queued(1))
    node.connections.append(connection(2))
    #expect(node.placements(at: .seconds(1)) == [1])
  }

  @Test("What does not exist is told apart from what has no connections")
  func unknown() {
    var node = Node([], policies: [:])
    #expect(node.request(.service(ServiceName(namespace: "shop", name: "kart")), of: [cart]) == .unknown)
    #expect(node.request(.endpoint(pod(9)), of: [cart]) == .unknown)
    #expect(node.request(.connection(4711), of: [cart]) == .unknown)
    #expect(node.request(.service(cart.service), of: [cart]) == .queued(0))
    #expect(node.request(.endpoint(pod(2)), of: [cart]) == .queued(0))
  }

  @Test("A second request for the same finds the same connections waiting, and drains none twice")
  func twice() {
    var node = Node(connections(3), policies: [:])
    #expect(node.request(.endpoint(pod(1))) == .queued(3))
    #expect(node.request(.endpoint(pod(1))) == .queued(3))
    #expect(node.placements(at: .seconds(1)) == [1, 2, 3])
    #expect(node.placements(at: .seconds(2)) == [])
  }

  @Test("Only what can be drained is queued")
  func undrainable() {
    var node = Node(
      [
        connection(1), connection(2, .undrainable(.opaque)), connection(3, .closing),
        connection(4, .draining(since: .zero, reason: .maxAge)), connection(5, responses: 0),
      ], policies: [:])
    #expect(node.request(.endpoint(pod(1))) == .queued(2))
  }
}
