import Balancing
import Datapath
import Glibc
import SystemPackage
import Testing

@Suite("connect() and getpeername()", .serialized, .timeLimit(.minutes(1)))
struct ConnectTests {
  @Test("a client reaches an endpoint and still sees the Service: over IPv4, IPv6 and v4-mapped IPv6")
  func addresses() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let (ipv4, ipv6) = (try Pods(11...13), try Pods(11...13, .ipv6))
        try datapath.publish(Table(ipv4.addresses), Table(ipv6.addresses, at: .serviceIPv6))
        for (service, form, pods) in [
          (SocketAddress.service, TCPSocket.Form.native, ipv4), (.service, .mapped, ipv4),
          (.serviceIPv6, .native, ipv6),
        ] {
          let client = try TCPSocket.connected(to: service, as: form)
          let (_, server) = try pods.accept()
          #expect(try client.peer() == service)
          #expect(try client.local() == server.peer(), "the client's own address is what the server sees")
          try server.send([1, 2, 3])
          #expect(try client.receive(3) == [1, 2, 3])
        }
        #expect(try datapath.count(of: .spread) == 3)
      }
    }
  }

  @Test("each port of a Service has its own endpoints; other ports, other addresses and pods are left alone")
  func ports() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let second = SocketAddress(ip: SocketAddress.service.ip, port: 81)
        let unknownPort = SocketAddress(ip: SocketAddress.service.ip, port: 82)
        let unknownAddress = try #require(SocketAddress("10.96.0.11:80"))
        let (web, grpc) = (try Pods([.pod(11), .pod(12)]), try Pods([.pod(21)]))
        try datapath.publish(Table(web.addresses), Table(grpc.addresses, at: second))
        for _ in 1...4 {
          _ = try web.destination(of: .service)
          _ = try grpc.destination(of: second)
        }
        for plain in [unknownPort, unknownAddress, .pod(31)] {
          let pods = try Pods([plain])
          for form in [TCPSocket.Form.native, .mapped] {
            let client = try TCPSocket.connected(to: plain, as: form)
            #expect(try pods.accept().pod == plain)
            #expect(try client.peer() == plain)
          }
        }
        #expect(try datapath.count(of: .spread) == 8)
      }
    }
  }

  @Test("UDP to the address and port of a Service is left alone")
  func udp() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        try datapath.publish(Table([.pod(11)]), Table([.pod(11, .ipv6)], at: .serviceIPv6))
        for service in [SocketAddress.service, .serviceIPv6] {
          let domain = service.ip.family == .ipv4 ? AF_INET : AF_INET6
          let (server, client) = (try udpSocket(domain), try udpSocket(domain))
          try system("bind", service.withSockaddr(domain) { bind(server, $0, $1) })
          let sent = service.withSockaddr(domain) { CInt(sendto(client, [1], 1, 0, $0, $1)) }
          try system("connect", service.withSockaddr(domain) { connect(client, $0, $1) })
          #expect(sent == 1 && send(client, [2], 1, 0) == 1)
          #expect(try SocketAddress.read { getpeername(client, $0, $1) } == service)
          var byte: UInt8 = 0
          for expected in 1...2 as ClosedRange<UInt8> {
            #expect(recv(server, &byte, 1, CInt(MSG_DONTWAIT)) == 1 && byte == expected)
          }
        }
        #expect(try datapath.count(of: .spread) == 0)
      }
    }
  }

  @Test("a socket whose connect() failed can be used for the Service again")
  func reuseAfterFailure() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        try datapath.publish(Table([.pod(11)]))
        let client = try TCPSocket(for: SocketAddress.service.ip)
        #expect(throws: Errno.connectionRefused) { try client.connect(to: .service) }
        try datapath.expect(.pod(11), active: 0, opened: 0, failed: 1)
        let pods = try Pods([.pod(12)])
        try datapath.publish(Table(pods.addresses))
        try client.connect(to: .service)
        #expect(try pods.accept().pod == .pod(12))
        #expect(try client.peer() == .service)
        try datapath.expect(.pod(12), active: 1, opened: 1)
      }
    }
  }

  @Test("a socket that goes elsewhere after a Service is counted there no more, and sees its new peer")
  func forgetsChoice() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods([.pod(11)])
        try datapath.publish(Table(pods.addresses))
        for form in [TCPSocket.Form.native, .mapped] {
          let opened: UInt64 = form == .native ? 1 : 2
          let client = try TCPSocket.connected(to: .service, as: form)
          #expect(try client.peer() == .service)
          try datapath.expect(.pod(11), active: 1, opened: opened)
          try client.disconnect()
          try datapath.expect(.pod(11), active: 0, opened: opened)
          // The very address that was chosen before, now asked for by itself.
          try client.connect(to: .pod(11))
          #expect(try client.peer() == .pod(11))
          try datapath.expect(.pod(11), active: 0, opened: opened)
        }
      }
    }
  }

  @Test("a Service without endpoints refuses at once: over IPv4, IPv6 and v4-mapped IPv6")
  func noEndpoints() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        // Whoever went to the Service's own address would be accepted.
        let originals = try Pods([.service, .serviceIPv6])
        try datapath.publish(Table([]), Table([], at: .serviceIPv6))
        for (service, form) in [
          (SocketAddress.service, TCPSocket.Form.native), (.service, .mapped), (.serviceIPv6, .native),
        ] {
          let client = try TCPSocket(for: service.ip, as: form)
          #expect(throws: Errno.connectionRefused) { try client.connect(to: service) }
          // Not "in progress": the answer comes with the call.
          let impatient = try TCPSocket(for: service.ip, as: form)
          #expect(throws: Errno.connectionRefused) { try impatient.beginConnect(to: service) }
        }
        #expect(try originals.acceptAll() == [0, 0])
        #expect(try datapath.count(of: .noEndpoints) == 6)
      }
    }
  }

  @Test("a Multipath TCP client is spread and counted as any other")
  func multipath() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods([.pod(11)])
        try datapath.publish(Table(pods.addresses))
        let client = try TCPSocket.connected(to: .service, over: .mptcp)
        #expect(try pods.accept().pod == .pod(11))
        try datapath.expect(.pod(11), active: 1, opened: 1)
        client.close()
        try datapath.expect(.pod(11), active: 0, opened: 1)
      }
    }
  }
}

private func udpSocket(_ domain: CInt) throws -> CInt {
  try system("socket", socket(domain, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
}
