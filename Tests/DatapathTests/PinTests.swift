import Balancing
import Datapath
import Draining
import Glibc
import HTTP2
import Kernel
import Shim
import SystemPackage
import Testing

@Suite("What outlives the agent", .serialized, .timeLimit(.minutes(1)))
struct PinTests {
  @Test("one agent at a time has the pins")
  func inUse() async {
    await #expect(processExitsWith: .success) {
      inSandbox { _ in
        try mountBPF()
        let first = try PinDirectory(bpffs: bpffs)
        let error = #expect(throws: DatapathError.self) { _ = try PinDirectory(bpffs: bpffs) }
        guard case .inUse("\(bpffs)/evenkeel") = error else {
          Issue.record("\(String(describing: error))")
          return
        }
        _ = consume first
        _ = try PinDirectory(bpffs: bpffs)
      }
    }
  }

  @Test("pins need a BPF file system")
  func noBPFFileSystem() async {
    await #expect(processExitsWith: .success) {
      inSandbox { _ in
        let error = #expect(throws: DatapathError.self) { _ = try PinDirectory(bpffs: bpffs) }
        guard case .noBPFFileSystem(bpffs) = error else {
          Issue.record("\(String(describing: error))")
          return
        }
      }
    }
  }

  @Test("what belongs to another user is refused: the directory, a link, a map")
  func strangers() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        _ = try Datapath(pinnedOn: cgroup)
        let folder = try #require(try FileSystem.names(in: "\(bpffs)/evenkeel").first { $0.hasPrefix("maps-") })
        for name in ["", "/links", "/links/connect4", "/\(folder)", "/\(folder)/services"] {
          let path = "\(bpffs)/evenkeel\(name)"
          try system("chown \(path)", chown(path, 1234, 1234))
          #expect(throws: (any Error).self, "\(path)") { _ = try Datapath(pinnedOn: cgroup) }
          try system("chown \(path)", chown(path, 0, 0))
        }
        _ = try Datapath(pinnedOn: cgroup)
      }
    }
  }

  @Test("without an agent all goes on, and the next one goes on from there: links, tables, counters, connections")
  func adoption() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        let pods = try Pods([.pod(11)])
        var first = try Datapath(pinnedOn: cgroup)
        try first.track(.pod(11))
        try first.publish(Table([.pod(11)]))
        let before = try PinnedLink.all()
        let client = try TCPSocket.connected(to: .service)
        let server = try pods.accept().socket
        try server.send(Frame.greeting + Frame.response())
        _ = consume first

        // Nobody is there: connections come and go.
        let second = try TCPSocket.connected(to: .service)
        #expect(try pods.accept().pod == .pod(11))
        let third = try TCPSocket.connected(to: .service)
        third.close()

        var next = try Datapath(pinnedOn: cgroup)
        let after = try PinnedLink.all()
        #expect(after.map(\.link) == before.map(\.link), "the same attachments")
        #expect(Set(after.map(\.program)).isDisjoint(with: before.map(\.program)), "of new programs")
        #expect(try Pins.programs(bpffs: bpffs) == Set(after.map(\.program)))
        try next.publish(Table([.pod(11)]))
        try next.track(.pod(11))
        try next.expect(.pod(11), active: 2, opened: 3)
        let incoming = try next.incomingCounters()(.pod(11))
        #expect(incoming.accepted == 3 && incoming.responses == 1)
        second.close()
        try next.expect(.pod(11), active: 1, opened: 3)

        // A connection of the former agent's time has been followed all along.
        var stage = try Stage(datapath: next, pods: pods, client: client, server: server)
        #expect(try stage.place() == .placed)
        try stage.expect(Frame.greeting + Frame.response() + Goaway.frame(debugData: "manual"))
      }
    }
  }

  @Test("what looks at each packet is there only as long as there is something to look for")
  func packetPrograms() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        func attached() throws -> [String] {
          try FileSystem.names(in: "\(bpffs)/evenkeel/links").filter { ["heed_goaway", "track"].contains($0) }.sorted()
        }
        let pods = try Pods([.pod(11)])
        var datapath = try Datapath(pinnedOn: cgroup)
        #expect(try attached() == [])
        for _ in 1...2 { try datapath.heedGoaways(true) }
        #expect(try attached() == ["heed_goaway"])
        try datapath.track(.pod(11))
        #expect(try attached() == ["heed_goaway", "track"])
        try datapath.heedGoaways(false)
        #expect(try attached() == ["track"])

        let client = try TCPSocket.connected(to: .pod(11))
        let server = try pods.accept().socket
        try datapath.track()
        let later = timeSinceBoot() + .seconds(61)
        try datapath.reclaimCounters(at: later)
        #expect(try attached() == ["track"], "a connection is followed to its end, whatever becomes of its endpoint")
        // The next agent finds it so, and goes on.
        _ = consume datapath
        datapath = try Datapath(pinnedOn: cgroup)
        #expect(try attached() == ["track"])
        client.close()
        server.close()
        #expect(try eventually { try datapath.connections().isEmpty })
        try datapath.reclaimCounters(at: later)
        #expect(try attached() == [])
        try datapath.track(.pod(11))
        #expect(try attached() == ["track"])
      }
    }
  }

  @Test("20 agents come and go under load: no connect() fails")
  func restarts() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        let pods = (11...13).map { SocketAddress.pod($0) }
        let traffic = try Traffic(to: pods)
        var first = try Datapath(pinnedOn: cgroup)
        try first.publish(Table(pods))
        _ = consume first
        traffic.start(clients: 1)
        for _ in 1...20 {
          var datapath = try Datapath(pinnedOn: cgroup)
          try datapath.publish(Table(pods))
        }
        let findings = try traffic.end()
        #expect(findings.failures.isEmpty, "\(findings.failures.prefix(3))")
        #expect(findings.connections > 100)
      }
    }
  }

  @Test("other limits mean other maps: they are filled before they come into force, and no connect() fails")
  func otherLimits() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        let pods = (11...13).map { SocketAddress.pod($0) }
        let traffic = try Traffic(to: pods)
        var first = try Datapath(pinnedOn: cgroup)
        try first.publish(Table(pods))
        _ = consume first
        let links = try PinnedLink.all().map(\.link)
        traffic.start(clients: 1)
        for size in 65...70 {
          let limits = DatapathLimits(services: size, endpoints: 256, localEndpoints: 64)
          var datapath = try Datapath(pins: PinDirectory(bpffs: bpffs), limits: limits, at: timeSinceBoot())
          try datapath.publish(Table(pods))
          #expect(try mapFolders().count == 2)
          try datapath.activate(on: cgroup)
          #expect(try mapFolders().map { $0.contains("-\(size)-") } == [true], "the old maps are gone")
        }
        let findings = try traffic.end()
        #expect(findings.failures.isEmpty, "\(findings.failures.prefix(3))")
        #expect(findings.connections > 30)
        #expect(try PinnedLink.all().map(\.link) == links)
      }
    }
  }

  @Test("an agent for another cgroup moves the programs there")
  func otherCgroup() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        let pods = try Pods([.pod(11)])
        for name in ["one", "two"] {
          // Its predecessor's cgroup is gone, or is there still.
          let own = try TemporaryCgroup(below: cgroup.path, name: name)
          var datapath = try Datapath(pinnedOn: own.cgroup)
          try datapath.publish(Table(pods.addresses))
          #expect(throws: Errno.connectionRefused, "not in this cgroup") { try TCPSocket.connected(to: .service) }
          let child = try Puppet()
          try own.add(process: child.process)
          try child("connect('10.96.0.10', 80)")
          #expect(try pods.accept().pod == .pod(11))
          let id = try own.cgroup.id()
          #expect(try PinnedLink.all().allSatisfy { $0.cgroup == id })
          child.kill()
        }
        let below = try TemporaryCgroup(below: cgroup.path, name: "three")
        _ = try Datapath(pinnedOn: below.cgroup)
        _ = try Datapath(pinnedOn: cgroup)
        #expect(try TCPSocket.connected(to: .service).peer() == .service)
      }
    }
  }

  @Test("tables of Services that are no longer wanted are there until the new agent's first ones are")
  func leftovers() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        let pods = try Pods([.pod(11)])
        let other = SocketAddress(ip: SocketAddress.service.ip, port: 81)
        var first = try Datapath(pinnedOn: cgroup)
        try first.publish(Table(pods.addresses), Table(pods.addresses, at: other))
        _ = consume first
        var next = try Datapath(pinnedOn: cgroup)
        _ = try pods.destination(of: other)
        try next.publish(Table(pods.addresses))
        _ = try pods.destination(of: .service)
        #expect(throws: Errno.connectionRefused) { try TCPSocket.connected(to: other) }
      }
    }
  }

  @Test("a former agent's table that could not be replaced stays in force, and is removed once it is not wanted")
  func leftoverStays() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        let pods = try Pods([.pod(11)])
        let limits = DatapathLimits(services: 8, endpoints: 1, localEndpoints: 1)
        var first = try Datapath(pinnedOn: cgroup, limits: limits)
        try first.publish(Table(pods.addresses))
        _ = consume first
        var next = try Datapath(pinnedOn: cgroup, limits: limits)
        let tooMany = Table([.pod(11), .pod(12)])
        #expect(next.setTables([tooMany]).count == 1)
        for _ in 1...4 { _ = try pods.destination(of: .service) }
        try next.publish()
        #expect(throws: Errno.connectionRefused) { try TCPSocket.connected(to: .service) }
      }
    }
  }

  @Test("how full the maps are can be told by others, with and without an agent")
  func usage() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        #expect(try Pins.usage(bpffs: bpffs).isEmpty)
        var datapath = try Datapath(pinnedOn: cgroup)
        try datapath.publish(Table([.pod(11), .pod(12)]))
        try datapath.track(.pod(11), .pod(12), .pod(13))
        let usage = ["services 1 64", "outgoing 2 256", "local_endpoints 3 64"]
        #expect(try Pins.usage(bpffs: bpffs).map { "\($0.map) \($0.entries) \($0.maxEntries)" } == usage)
        _ = consume datapath
        #expect(try Pins.usage(bpffs: bpffs).map { "\($0.map) \($0.entries) \($0.maxEntries)" } == usage)
      }
    }
  }

  @Test("where everything is removed, nothing is left, and new connections go the old way")
  func removeEverything() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        try mountBPF()
        let pods = try Pods([.pod(11)])
        var datapath = try Datapath(pinnedOn: cgroup)
        try datapath.publish(Table(pods.addresses))
        let client = try TCPSocket.connected(to: .service)
        let server = try pods.accept().socket
        _ = consume datapath
        try PinDirectory(bpffs: bpffs).removeEverything()
        #expect(try !FileSystem.names(in: bpffs).contains("evenkeel"))
        let original = try Pods([.service])
        #expect(try original.destination(of: .service) == .service)
        try server.send([1])
        #expect(try client.receive(1) == [1], "established connections go on")
      }
    }
  }
}

/// Where the tests have their BPF file system: a directory that is there everywhere, in mounts that nobody else sees.
private let bpffs = "/mnt"

private func mountBPF() throws { try system("mount a BPF file system", mount("bpf", bpffs, "bpf", 0, nil)) }

private func mapFolders() throws -> [String] {
  try FileSystem.names(in: "\(bpffs)/evenkeel").filter { $0.hasPrefix("maps-") }
}

extension Datapath {
  /// As an agent starts: with pins, and in force.
  fileprivate init(pinnedOn cgroup: borrowing Cgroup, limits: DatapathLimits = .small) throws {
    var datapath = try Datapath(pins: PinDirectory(bpffs: bpffs), limits: limits, at: timeSinceBoot())
    try datapath.activate(on: cgroup)
    self = datapath
  }
}

/// What the kernel says of a pinned link.
private struct PinnedLink {
  let link: UInt32
  let program: UInt32
  let cgroup: UInt64

  static func all() throws -> [PinnedLink] {
    let folder = "\(bpffs)/evenkeel/links"
    return try FileSystem.names(in: folder).map { name in
      guard let link = try BPFLink(pinnedAt: "\(folder)/\(name)") else { throw SandboxError("\(name) is not pinned") }
      return PinnedLink(link: try link.id(), program: try link.programID(), cgroup: try link.cgroupID())
    }
  }
}
