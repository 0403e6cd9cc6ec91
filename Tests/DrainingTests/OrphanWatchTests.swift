import Balancing
import Draining
import Testing

@Suite("Connections to endpoints that have vanished")
struct OrphanWatchTests {
  /// A watch of 10 s over a Service with pods 1 and 2, one connection to each, and 1 more to pod 1.
  struct Node {
    var watch = OrphanWatch(timeout: .seconds(10))
    var connections = [client(1, of: pod(1)), client(2, of: pod(2)), client(3, of: pod(1))]

    var servicePorts: [ServicePort] = []

    init() { update([servicePort(pods: 1, 2)]) }

    mutating func update(_ new: [ServicePort]) {
      watch.replace(servicePorts, with: new)
      servicePorts = new
    }

    mutating func look(at seconds: Double) -> [VanishedEndpoint] {
      watch.look(at: connections, at: .seconds(seconds))
    }
  }

  @Test("those to what is in a slice are left alone, whatever its state", arguments: Endpoint.State.allCases)
  func present(state: Endpoint.State) {
    var node = Node()
    node.update([servicePort(pods: 1, 2, state: state)])
    for second in 0..<100 { #expect(node.look(at: Double(second)).isEmpty) }
  }

  @Test("they are closed once its address has been in no slice for the timeout, and no sooner")
  func timeout() {
    var node = Node()
    #expect(node.look(at: 0).isEmpty)
    node.update([servicePort(pods: 2)])
    #expect(node.look(at: 5).isEmpty)
    #expect(node.look(at: 14.999).isEmpty)
    #expect(node.watch.nextLook == .seconds(15))
    #expect(node.look(at: 15) == [VanishedEndpoint(address: pod(1).ip, connections: [1, 3], isNew: true)])
  }

  @Test("an endpoint that comes back in time keeps them, and its time begins anew when it goes again")
  func flapping() {
    var node = Node()
    for start in stride(from: 0.0, to: 100, by: 20) {
      node.update([servicePort(pods: 2)])
      #expect(node.look(at: start).isEmpty)
      #expect(node.look(at: start + 9).isEmpty)
      node.update([servicePort(pods: 1, 2)])
      #expect(node.look(at: start + 10).isEmpty)
    }
  }

  @Test("each endpoint has a time of its own; what is due together is in the order of the addresses")
  func several() {
    var node = Node()
    node.update([servicePort(pods: 2)])
    #expect(node.look(at: 0).isEmpty)
    node.update([servicePort(pods: 3)])
    #expect(node.look(at: 4).isEmpty)
    #expect(node.look(at: 10).map(\.address) == [pod(1).ip])
    #expect(node.look(at: 14).map(\.address) == [pod(2).ip])
    var other = Node()
    other.update([servicePort(pods: 3)])
    #expect(other.look(at: 0).isEmpty)
    #expect(other.look(at: 10).map(\.address) == [pod(1).ip, pod(2).ip])
  }

  @Test("what could not be closed is ordered again after the timeout, and is not new then; what is closed is forgotten")
  func again() {
    var node = Node()
    node.update([servicePort(pods: 2)])
    #expect(node.look(at: 0).isEmpty)
    #expect(node.look(at: 10).first?.isNew == true)
    node.connections.removeFirst()
    #expect(node.look(at: 19).isEmpty)
    #expect(node.look(at: 20) == [VanishedEndpoint(address: pod(1).ip, connections: [3], isNew: false)])
    node.connections.removeLast()
    #expect(node.look(at: 30).isEmpty)
    node.connections.append(client(4, of: pod(1)))
    #expect(node.look(at: 31).isEmpty)
    #expect(node.look(at: 41) == [VanishedEndpoint(address: pod(1).ip, connections: [4], isNew: true)])
  }

  @Test("an address counts, not its port: a pod that a Service has on another port now is there")
  func otherPort() {
    var node = Node()
    let moved = Endpoint(address: SocketAddress(ip: pod(1).ip, port: 8080))
    node.update([servicePort(pods: 2), ServicePort(service: shop("other"), port: 80, endpoints: [moved])])
    for second in [0.0, 10, 20] { #expect(node.look(at: second).isEmpty) }
  }

  @Test("a Service that is gone, that is no longer selected or that is off says nothing of its pods")
  func serviceGone() {
    for servicePorts in [[], [servicePort(pods: 2, mode: .off)]] {
      var node = Node()
      node.update(servicePorts)
      for second in [0.0, 10, 20] { #expect(node.look(at: second).isEmpty) }
    }
  }

  @Test("before the first input nothing has vanished")
  func noInput() {
    var watch = OrphanWatch(timeout: .seconds(1))
    for second in [0, 1, 2] { #expect(watch.look(at: [client(1, of: pod(1))], at: .seconds(second)).isEmpty) }
  }

  @Test("new input is looked at at once; without, every second is enough")
  func nextLook() {
    var node = Node()
    #expect(node.watch.nextLook <= .zero)
    _ = node.look(at: 5)
    #expect(node.watch.nextLook == .seconds(6))
    node.update([servicePort(pods: 2)])
    #expect(node.watch.nextLook <= .seconds(5))
  }
}

private let service = SocketAddress(ip: IPAddress(high: 0, low: 0xffff_0a60_000a), port: 80)

private func shop(_ name: String) -> ServiceName { ServiceName(namespace: "shop", name: name) }

private func client(_ id: UInt64, of endpoint: SocketAddress) -> ClientConnection {
  ClientConnection(id: id, service: service, endpoint: endpoint)
}

private func servicePort(pods: Int..., state: Endpoint.State = .ready, mode: Mode = .balance) -> ServicePort {
  ServicePort(
    service: shop("cart"), port: service.port, addresses: [service.ip], mode: mode,
    endpoints: pods.map { Endpoint(address: pod($0), state: state) })
}
