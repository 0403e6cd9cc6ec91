import Balancing
import Datapath
import Glibc
import Kernel
import Testing

@Suite("ClientIP affinity", .serialized, .timeLimit(.minutes(1)))
struct AffinityTests {
  @Test("a client keeps its endpoint, whatever the policy would choose; another client is free")
  func sticks() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let (old, new) = (try Pods([.pod(11)]), try Pods([.pod(12)]))
        let clients = try NetworkNamespace.clients(2)
        try datapath.publish(Table(old.addresses, affinity: 600))
        try clients[0].run { _ = try old.destination(of: .service) }
        // Without affinity, all of these would go to the endpoint that has no connections yet.
        try datapath.publish(Table(old.addresses + new.addresses, affinity: 600))
        let held = try clients[0].run { try (1...100).map { _ in try TCPSocket.connected(to: .service) } }
        #expect(try old.acceptAll() == [held.count])
        try clients[1].run { _ = try new.destination(of: .service) }
      }
    }
  }

  @Test("a client that connects from two processors at a time keeps its endpoint, too")
  func sticksInParallel() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods(11...16)
        try datapath.publish(Table(pods.addresses, policy: .random, affinity: 600))
        let first = try pods.destination(of: .service)
        let puppets = try (1...3).map { _ in try Puppet() }
        for puppet in puppets { try puppet.begin("connect_often('10.96.0.10', 80, 1000)") }
        for puppet in puppets { _ = try puppet.answer() }
        for pod in pods.addresses { try datapath.expect(pod, active: 0, opened: pod == first ? 3001 : 0) }
      }
    }
  }

  @Test("each Service address has an affinity of its own")
  func services() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let (first, second) = (try Pods([.pod(11)]), try Pods([.pod(12)]))
        let other = SocketAddress(ip: SocketAddress.service.ip, port: 81)
        try datapath.publish(Table(first.addresses, affinity: 600), Table(second.addresses, at: other, affinity: 600))
        for _ in 1...2 {
          #expect(try first.destination(of: .service) == .pod(11))
          #expect(try second.destination(of: other) == .pod(12))
        }
        let all = first.addresses + second.addresses
        try datapath.publish(Table(all, affinity: 600), Table(all, at: other, affinity: 600))
        let held = try (1...10).map { _ in try TCPSocket.connected(to: other) }
        #expect(try second.acceptAll() == [held.count])
      }
    }
  }

  @Test("a client loses its endpoint once it has been idle for the timeout, and not before")
  func timeout() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let (busy, idle) = (try Pods([.pod(11)]), try Pods([.pod(12)]))
        try datapath.publish(Table(busy.addresses, affinity: 1))
        let held = try TCPSocket.connected(to: .service)
        var lastUse = timeSinceBoot()
        try datapath.publish(Table(busy.addresses + idle.addresses, affinity: 1))
        var stuck = [held]
        // Each use lets the second begin anew, so that it holds on for longer than a second.
        let end = timeSinceBoot() + .milliseconds(1500)
        while timeSinceBoot() < end {
          usleep(100_000)
          let isInTime = timeSinceBoot() - lastUse < .milliseconds(900)  // else this machine is too slow to tell
          lastUse = timeSinceBoot()
          stuck.append(try TCPSocket.connected(to: .service))
          if isInTime { #expect(try idle.acceptAll() == [0]) }
        }
        // An idle client cannot be asked whether its time is over: only time tells.
        lastUse = timeSinceBoot()
        _ = eventually { timeSinceBoot() - lastUse > .milliseconds(1050) }
        stuck.append(try TCPSocket.connected(to: .service))
        #expect(try idle.acceptAll() == [1], "the endpoint with fewer connections, as without affinity")
      }
    }
  }

  @Test("an endpoint that has left the table is not used any more, though it is remembered")
  func endpointLeaves() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let (old, new) = (try Pods([.pod(11)]), try Pods([.pod(12), .pod(13)]))
        try datapath.publish(Table(old.addresses, affinity: 600))
        #expect(try old.destination(of: .service) == .pod(11))
        try datapath.publish(Table(new.addresses, affinity: 600))
        let destination = try new.destination(of: .service)
        // What is remembered now is the new one.
        try datapath.publish(Table(old.addresses + new.addresses, affinity: 600))
        for _ in 1...10 { #expect(try new.destination(of: .service) == destination) }
        #expect(try old.acceptAll() == [0])
      }
    }
  }
}
