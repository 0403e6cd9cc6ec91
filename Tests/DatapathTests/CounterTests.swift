import Balancing
import Datapath
import Glibc
import SystemPackage
import Testing

@Suite("Counters of connections that clients open", .serialized, .timeLimit(.minutes(1)))
struct CounterTests {
  @Test("a connection is counted while it is open, whichever side closes it, or half of it, or resets it")
  func closing() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods([.pod(11)])
        try datapath.publish(Table(pods.addresses))
        let endings: [(_ client: TCPSocket, _ server: TCPSocket) throws -> Void] = [
          { client, _ in client.close() },
          { _, server in server.close() },
          { client, _ in try client.endSending() },
          { _, server in try server.endSending() },
          { client, _ in try client.disconnect() },
          { client, _ in try client.resetAtClose() },
          { _, server in try server.resetAtClose() },
        ]
        for (number, end) in endings.enumerated() {
          let client = try TCPSocket.connected(to: .service)
          let (_, server) = try pods.accept()
          try datapath.expect(.pod(11), active: 1, opened: UInt64(number + 1))
          try end(client, server)
          try datapath.expect(.pod(11), active: 0, opened: UInt64(number + 1))
          server.close()
          client.close()
          try datapath.expect(.pod(11), active: 0, opened: UInt64(number + 1))
        }
      }
    }
  }

  @Test("a connection whose server has asked it to go away does not count, however long it lives on")
  func goaway() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let (ipv4, ipv6) = (try Pods([.pod(11)]), try Pods([.pod(11, .ipv6)]))
        try datapath.publish(Table(ipv4.addresses), Table(ipv6.addresses, at: .serviceIPv6))
        for (pods, service, form, before) in [
          (ipv4, SocketAddress.service, TCPSocket.Form.native, 0), (ipv4, .service, .mapped, 1),
          (ipv6, .serviceIPv6, .native, 0),
        ] as [(Pods, SocketAddress, TCPSocket.Form, UInt64)] {
          let pod = pods.addresses[0]
          let client = try TCPSocket.connected(to: service, as: form)
          let server = try pods.accept().socket
          try server.send(Frame.greeting + Frame.headers())
          try datapath.expect(pod, active: 1, opened: before + 1)
          try server.send(Frame.goaway)
          try datapath.expect(pod, active: 0, opened: before + 1)
          try server.send(Frame.data([1, 2, 3]))
          client.close()
          server.close()
          try datapath.expect(pod, active: 0, opened: before + 1)
        }
      }
    }
  }

  @Test("a socket that was asked to go away counts again with its next connection")
  func reuseAfterGoaway() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods([.pod(11)])
        try datapath.publish(Table(pods.addresses))
        let client = try TCPSocket(for: SocketAddress.service.ip)
        for count in 1...2 as ClosedRange<UInt64> {
          try client.connect(to: .service)
          let server = try pods.accept().socket
          try server.send(Frame.greeting)
          try datapath.expect(.pod(11), active: 1, opened: count)
          try server.send(Frame.goaway)
          try datapath.expect(.pod(11), active: 0, opened: count)
          try client.disconnect()
        }
      }
    }
  }

  @Test("what only resembles a GOAWAY does not count as one: within a body, with a stream or flags, or cut short")
  func noGoaway() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods([.pod(11)])
        try datapath.publish(Table(pods.addresses))
        let resembling = [
          Frame.data(Frame.goaway), [0, 0, 8, 7, 0, 0, 0, 0, 1] + Array(repeating: 0, count: 8),
          [0, 0, 8, 7, 1, 0, 0, 0, 0] + Array(repeating: 0, count: 8), [0, 0, 7, 7, 0, 0, 0, 0, 0, 0],
          Array(Frame.goaway.prefix(8)), [1, 0, 8, 7, 0, 0, 0, 0, 0, 0],
        ]
        for (count, bytes) in resembling.enumerated() {
          let client = try TCPSocket.connected(to: .service)
          try pods.accept().socket.send(bytes)
          #expect(try client.receive(bytes.count) == bytes)
          try datapath.expect(.pod(11), active: 1, opened: UInt64(count + 1))
          client.close()
          try datapath.expect(.pod(11), active: 0, opened: UInt64(count + 1))
        }
      }
    }
  }

  @Test("a GOAWAY that begins a packet is heeded if the packet is small; else the connection counts until it is closed")
  func goawayBeforeOthers() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods([.pod(11)])
        try datapath.publish(Table(pods.addresses))
        for (opened, length, active) in [(1, 400, 0), (2, 600, 1)] as [(UInt64, Int, UInt64)] {
          let client = try TCPSocket.connected(to: .service)
          let bytes = Frame.goaway + Frame.data(Array(repeating: 7, count: length))
          try pods.accept().socket.send(bytes)
          #expect(try client.receive(bytes.count) == bytes)
          try datapath.expect(.pod(11), active: active, opened: opened)
          client.close()
          try datapath.expect(.pod(11), active: 0, opened: opened)
        }
      }
    }
  }

  @Test("a connection that is refused has failed, and is open no more")
  func refused() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        try datapath.publish(Table([.pod(11)]))
        for count in 1...3 as ClosedRange<UInt64> {
          #expect(throws: Errno.connectionRefused) { try TCPSocket.connected(to: .service) }
          try datapath.expect(.pod(11), active: 0, opened: 0, failed: count)
        }
      }
    }
  }

  @Test("a connection whose SYN is never answered is counted until it is given up, by the client or by the kernel")
  func unanswered() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        // A neighbour whose frames nobody takes.
        try ip(
          "link add void0 type veth peer name void1", "addr add 192.0.2.1/24 dev void0", "link set void0 up",
          "link set void1 up", "neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev void0")
        let void = try #require(SocketAddress("192.0.2.9:80"))
        try datapath.publish(Table([void]))
        let aborted = try TCPSocket(for: SocketAddress.service.ip)
        try aborted.beginConnect(to: .service)
        try datapath.expect(void, active: 1, opened: 0)
        aborted.close()
        try datapath.expect(void, active: 0, opened: 0, failed: 1)
        let timedOut = try TCPSocket(for: SocketAddress.service.ip)
        try timedOut.set(TCP_USER_TIMEOUT, level: CInt(IPPROTO_TCP), to: 100 as CInt)  // milliseconds
        #expect(throws: Errno.timedOut) { try timedOut.connect(to: .service) }
        try datapath.expect(void, active: 0, opened: 0, failed: 2)
      }
    }
  }

  @Test("an endpoint without a route is not counted as open")
  func unreachable() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let nowhere = try #require(SocketAddress("192.0.2.9:80"))
        try datapath.publish(Table([nowhere]))
        #expect(throws: Errno.networkUnreachable) { try TCPSocket.connected(to: .service) }
        try datapath.expect(nowhere, active: 0, opened: 0)
      }
    }
  }

  @Test("50 connections of a process that is killed are counted down")
  func killedClient() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods(11...12)
        try datapath.publish(Table(pods.addresses))
        let client = try Puppet()
        try client("held = [connect('10.96.0.10', 80) for _ in range(50)]")
        for pod in pods.addresses { try datapath.expect(pod, active: 25, opened: 25) }
        client.kill()
        for pod in pods.addresses { try datapath.expect(pod, active: 0, opened: 25) }
      }
    }
  }

  @Test("after 2,000 short connections of 4 processes at a time, all were opened and none is open")
  func manyShort() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods(11...14)
        try datapath.publish(Table(pods.addresses))
        let clients = try (1...4).map { _ in try Puppet() }
        for client in clients { try client.begin("connect_often('10.96.0.10', 80, 500)") }
        for client in clients { _ = try client.answer() }
        let opened = try pods.acceptAll()
        #expect(opened.reduce(0, +) == 2000)
        for (pod, count) in zip(pods.addresses, opened) { try datapath.expect(pod, active: 0, opened: UInt64(count)) }
      }
    }
  }
}

extension TCPSocket {
  /// Closes the connection by a RST.
  fileprivate func resetAtClose() throws {
    try set(SO_LINGER, to: linger(l_onoff: 1, l_linger: 0))
    close()
  }
}
