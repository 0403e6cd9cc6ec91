import Balancing
import Datapath
import Draining
import Glibc
import Kernel
import SystemPackage
import Testing

@Suite("Maps that are full", .serialized, .timeLimit(.minutes(1)))
struct LimitTests {
  @Test("one Service too many: an error that names the map and its size, and the others work")
  func services() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup, limits: DatapathLimits(services: 2, endpoints: 8, localEndpoints: 1))
        let pods = try Pods(11...12)
        let services = (80...82).map { SocketAddress(ip: SocketAddress.service.ip, port: $0) }
        let tables = services.map { Table(pods.addresses, at: $0) }
        let failures = datapath.setTables(tables)
        #expect(
          failures.map(\.description) == [
            "cannot publish \(services[2]) of shop/cart:80: \(full): map services is full with 2 entries"
          ])
        for service in services.prefix(2) { _ = try pods.destination(of: service) }
        // The third is as unknown as if it did not exist, until there is room.
        #expect(throws: Errno.connectionRefused) { try TCPSocket.connected(to: services[2]) }
        try datapath.publish(tables[1], tables[2])
        _ = try pods.destination(of: services[2])
      }
    }
  }

  @Test("one endpoint too many: its table stays as it was, and the others work")
  func endpoints() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup, limits: DatapathLimits(services: 8, endpoints: 2, localEndpoints: 1))
        let pods = try Pods(11...12)
        try datapath.publish(Table(pods.addresses))
        let third = Table(pods.addresses + [.pod(13)])
        let failures = datapath.setTables([third])
        #expect(
          failures.map(\.description) == [
            "cannot count connections to \(SocketAddress.pod(13)) of shop/cart:80: \(full): map outgoing is full with 2 entries"
          ])
        let held = try (1...10).map { _ in try TCPSocket.connected(to: .service) }
        #expect(try pods.acceptAll() == [5, 5])
        #expect(held.count == 10)
      }
    }
  }

  @Test("one local endpoint too many: an error that names the map and its size, and the others are tracked")
  func localEndpoints() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup, limits: DatapathLimits(services: 1, endpoints: 1, localEndpoints: 2))
        let pods = try Pods(11...13)
        let failures = datapath.setLocalEndpoints(Set(pods.addresses), at: timeSinceBoot())
        #expect(
          failures.map(\.description) == [
            "cannot track connections of \(SocketAddress.pod(13)): \(full): map incoming is full with 2 entries"
          ])
        let held = try pods.addresses.map { try TCPSocket.connected(to: $0) }
        #expect(try pods.acceptAll() == [1, 1, 1])
        #expect(held.count == 3)
        let tracked = try datapath.connections().map(\.accepted.endpoint)
        #expect(tracked.sorted() == [.pod(11), .pod(12)])
      }
    }
  }

  @Test("thousands of tables at once, with no more descriptors than a process has where nobody says otherwise")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var limit = rlimit(rlim_cur: 1024, rlim_max: 1024)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        var datapath = try Datapath(
          on: cgroup, limits: DatapathLimits(services: 4096, endpoints: 4096, localEndpoints: 1))
        let pods = try Pods(11...12)
        let services = (1...4000).map { SocketAddress(ip: SocketAddress.service.ip, port: $0) }
        let failures = datapath.setTables(services.map { Table(pods.addresses, at: $0) })
        #expect(failures.isEmpty, "\(failures.prefix(3))")
        for service in [services[0], services[2000], services[3999]] { _ = try pods.destination(of: service) }
        #expect(datapath.setTables([]).isEmpty)
        #expect(throws: Errno.connectionRefused) { try TCPSocket.connected(to: services[3999]) }
      }
    }
  }

  @Test("counters of endpoints that are gone are others' after a minute, once no connection is left")
  func reclaiming() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup, limits: DatapathLimits(services: 1, endpoints: 2, localEndpoints: 2))
        let pods = try Pods(11...12)
        try datapath.publish(Table(pods.addresses))
        try datapath.track(.pod(11), .pod(12))
        let client = try TCPSocket.connected(to: .service)
        let (open, server) = try pods.accept()
        try TCPSocket.connected(to: .service).close()
        let (closed, ended) = try pods.accept()
        ended.close()
        try datapath.expect(closed, active: 0, opened: 1)
        try datapath.publish(Table([]))
        try datapath.track()

        let later = timeSinceBoot() + .seconds(61)
        try datapath.reclaimCounters(at: later)
        #expect(datapath.usage.map(\.entries) == [1, 1, 1], "the one with a connection stays")
        try datapath.expect(open, active: 1, opened: 1)
        #expect(try datapath.incomingCounters()(open).accepted == 1)
        try datapath.publish(Table([.pod(13)]))
        try datapath.track(.pod(13))
        try datapath.expect(.pod(13), active: 0, opened: 0)
        #expect(try datapath.incomingCounters()(.pod(13)).accepted == 0, "they begin at 0")

        client.close()
        server.close()
        try datapath.expect(open, active: 0, opened: 1)
        try datapath.reclaimCounters(at: later)
        #expect(datapath.usage.map(\.entries) == [1, 1, 1])
        #expect(datapath.usage.map(\.maxEntries) == [1, 2, 2])
      }
    }
  }
}

/// What the kernel says where a map is full, in this C library's words.
private var full: Errno { .argListTooLong }
