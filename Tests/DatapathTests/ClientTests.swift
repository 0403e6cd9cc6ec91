import Balancing
import Datapath
import Draining
import Shim
import SystemPackage
import Testing

@Suite("Connections of clients that are listed and closed", .serialized, .timeLimit(.minutes(1)))
struct ClientTests {
  @Test("those that were opened by a Service address are listed as long as they are open, and no others")
  func listed() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        try datapath.track(.pod(11))
        let clients = try datapath.makeClients()
        let (ipv4, ipv6) = (try Pods([.pod(11)]), try Pods([.pod(11, .ipv6)]))
        try datapath.publish(Table(ipv4.addresses), Table(ipv6.addresses, at: .serviceIPv6))
        let direct = try TCPSocket.connected(to: .pod(11))
        _ = try ipv4.accept()
        #expect(try clients.connections() == [])
        for (pods, service, form) in [
          (ipv4, SocketAddress.service, TCPSocket.Form.native), (ipv4, .service, .mapped),
          (ipv6, .serviceIPv6, .native),
        ] {
          let socket = try TCPSocket.connected(to: service, as: form)
          let (pod, _) = try pods.accept()
          let expected = ClientConnection(id: try socket.cookie(), service: service, endpoint: pod)
          #expect(try clients.connections() == [expected])
          #expect(try clients.owners().keys.sorted() == [expected.id])
          socket.close()
          #expect(try clients.connections() == [])
        }
        direct.close()
      }
    }
  }

  @Test("one whose SYN nobody answers is listed, and closed as well")
  func connecting() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let clients = try datapath.makeClients()
        try ip(
          "link add void0 type veth peer name void1", "addr add 192.0.2.1/24 dev void0", "link set void0 up",
          "link set void1 up", "neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev void0")
        let void = try #require(SocketAddress("192.0.2.9:80"))
        try datapath.publish(Table([void]))
        let socket = try TCPSocket(for: SocketAddress.service.ip)
        try socket.beginConnect(to: .service)
        let connection = try #require(try clients.connections().first)
        #expect(connection == ClientConnection(id: try socket.cookie(), service: .service, endpoint: void))
        #expect(try clients.close([connection.id]) == 1)
        #expect(socket.isReadable())
        try datapath.expect(void, active: 0, opened: 0, failed: 1)
        #expect(try clients.connections() == [])
      }
    }
  }

  @Test("the one that is to be closed is closed with an error for its owner; the others, and accepted ones, go on")
  func closed() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let clients = try datapath.makeClients()
        let pods = try Pods([.pod(11)])
        try datapath.publish(Table(pods.addresses))
        try datapath.track(.pod(11))
        let client = try Puppet()
        try client("a, b = (connect('10.96.0.10', 80) for _ in range(2))")
        let cookies = try ["a", "b"].map { try #require(UInt64(try client("cookie(\($0))"))) }
        let servers = try (1...2).map { _ in try pods.accept().socket }
        let accepted = try servers.map { try $0.cookie() }
        #expect(Set(try clients.connections().map(\.id)) == Set(cookies))

        #expect(try clients.close([cookies[0]] + accepted + [0]) == 1)
        #expect(try client("a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)") == "\(Errno.connectionReset.rawValue)")
        for server in servers { _ = try? server.send([1]) }
        #expect(try client("b.recv(1)") == "b'\\x01'")
        try datapath.expect(.pod(11), active: 1, opened: 2)
        #expect(try clients.connections().map(\.id) == [cookies[1]])
        #expect(try datapath.makeGuard().owners().keys.contains { !cookies.contains($0) }, "the accepted one is there")
        client.kill()
      }
    }
  }
}
