import Glibc
import Kernel
import Lab
import StatsAPI
import Testing

@Suite("Drain, with real clients and servers", .serialized)
struct DrainTests {
  /// Each client with each server, but for two: grpc-swift's server closes connections of grpc-go, whoever looks on, with
  /// ENHANCE_YOUR_CALM, and Node's client with grpc-go's server would tell nothing new.
  static let pairs: [(server: Peer, client: Peer)] = {
    let servers: [(Peer, clients: [Peer])] = [
      (.grpcio, Peer.allCases), (.grpcSwift, [.grpcio, .grpcSwift, .node]), (.grpcGo, [.grpcio, .grpcGo]),
    ]
    let pairs = servers.flatMap { server, clients in clients.map { (server: server, client: $0) } }
    return pairs.filter { Programs.grpcGo != nil || ($0.server != .grpcGo && $0.client != .grpcGo) }
  }()

  @Test(
    "No request is lost while every connection is drained each second, and every GOAWAY is where a frame may be",
    arguments: pairs)
  func nothingIsLost(server: Peer, client: Peer) async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(3, named: "server")
      let clients = try await cluster.addPods(1, named: "client")[0]
      let service = try await cluster.addService("echo", ports: [grpcPort], pods: pods)
      let agent = try await cluster.startAgent(
        Programs.evenkeel, ["--drain-interval", "1s", "--drain-pace", "100"])
      for pod in pods { try await pod.start(server.server(named: pod.name)).waitUntilReady() }
      let capture = try await Capture.start(in: clients, file: "\(cluster.directory)/drain.pcap")

      // Six channels of each family.
      var running: [RunningProgram] = []
      for family in AddressFamily.allCases {
        running.append(try await clients.start(client.client(of: service.target(family), channels: 6, seconds: 20)))
      }
      for program in running {
        let report = try await program.peerReport()
        #expect(report.ok > 100, "\(program.name)")
        #expect(report.failed == 0, "\(report.errors) \(program.errorOutput.suffix(500))")
        #expect(report.byServer.count == 3, "\(report.byServer)")
      }
      let goaways = try await cluster.sum(\.incoming.goaways)
      #expect(goaways >= 100)
      #expect(try await cluster.stats.status().drain.unguarded == 0)
      try await capture.finish(expecting: goaways)
      try await agent.stop()
    }
  }

  @Test("The agent is killed 20 times under load, and nobody notices")
  func killed() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(3, named: "server")
      let client = try await cluster.addPods(1, named: "client")[0]
      let service = try await cluster.addService("echo", ports: [grpcPort], pods: pods)
      let flags = ["--drain-interval", "1s", "--drain-pace", "100"]
      var agent = try await cluster.startAgent(Programs.evenkeel, flags)
      for pod in pods { try await pod.start(Peer.grpcio.server(named: pod.name)).waitUntilReady() }
      let links = try pinnedLinks(in: cluster.bpffs)
      // Connects all the time, besides the long-lived channels.
      let connecting = try await client.start(
        Programs.python("connect_loop.py") + ["--target", service.target(.ipv4)])
      let load = try await client.start(Peer.grpcio.client(of: service.target(.ipv6), channels: 6, seconds: 600))

      var opened: UInt64 = 0
      for _ in 0..<20 {
        try await eventually("a drain by this agent", within: .seconds(20)) {
          let (goaways, now) = (
            try await cluster.stats.status().drain.goaways, try await cluster.sum(\.outgoing.opened)
          )
          return goaways > 0 && now > opened
        }
        opened = try await cluster.sum(\.outgoing.opened)
        try await agent.kill()
        agent = try await cluster.startAgent(Programs.evenkeel, flags)
        // Counters go on from where they were.
        #expect(try await cluster.sum(\.outgoing.opened) >= opened)
      }
      #expect(try pinnedLinks(in: cluster.bpffs) == links)
      load.send(.terminate)
      connecting.send(.terminate)
      let (loaded, connected) = (try await load.peerReport(), try await connecting.peerReport())
      #expect(loaded.failed == 0, "\(loaded.errors)")
      #expect(connected.failed == 0, "\(connected.errors)")
      #expect(loaded.ok > 100 && connected.ok > 100)
      try await agent.stop()
    }
  }

  @Test("Where a Service is only spread, no program looks at packets and nothing is drained, until it is balanced")
  func spreadOnly() async throws {
    try await withLab(kubeProxy: false) { cluster in
      func packetPrograms() throws -> [String] {
        try pinnedLinks(in: cluster.bpffs).keys.filter { ["track", "heed_goaway"].contains($0) }.sorted()
      }
      let pods = try await cluster.addPods(2, named: "server")
      let client = try await cluster.addPods(1, named: "client")[0]
      var service = try await cluster.addService("echo", ports: [grpcPort], pods: pods)
      service.annotations["evenkeel.io/mode"] = "spread"
      try await cluster.apply(service)
      let agent = try await cluster.startAgent(Programs.evenkeel, ["--drain-interval", "1s", "--drain-pace", "100"])
      for pod in pods { try await pod.start(Peer.grpcio.server(named: pod.name)).waitUntilReady() }
      let spread = try await client.start(Peer.grpcio.client(of: service.target(.ipv4), channels: 4, seconds: 600))
      try await eventually("the connections", within: .seconds(20)) { try await cluster.sum(\.outgoing.active) == 4 }
      #expect(try packetPrograms() == [])
      #expect(try await cluster.stats.connections().connections.isEmpty)

      service.annotations["evenkeel.io/mode"] = "balance"
      try await cluster.apply(service)
      try await eventually("programs that look at packets", within: .seconds(20)) {
        try packetPrograms() == ["heed_goaway", "track"]
      }
      let balanced = try await client.start(Peer.grpcio.client(of: service.target(.ipv4), channels: 4, seconds: 600))
      try await eventually("drains", within: .seconds(20)) { try await cluster.sum(\.incoming.goaways) >= 8 }
      // Those that were there before cannot be followed, and have opened no others.
      let older = try await cluster.stats.connections().connections.filter { $0.reason == "older_than_agent" }
      #expect(older.count == 4)
      for load in [spread, balanced] {
        load.send(.terminate)
        let report = try await load.peerReport()
        #expect(report.failed == 0 && report.ok > 0, "\(report.errors)")
      }
      try await agent.stop()
    }
  }

  @Test("A self-test removes the cgroup that one has left which was killed")
  func killedSelfTest() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(1, named: "server")
      _ = try await cluster.addService("echo", ports: [grpcPort], pods: pods)
      let left = "\(cluster.cgroup.path)/evenkeel-self-test-1"
      try #require(mkdir(left, 0o755) == 0)
      let hourAgo = timespec(tv_sec: time(nil) - 3600, tv_nsec: 0)
      try #require(utimensat(AT_FDCWD, left, [hourAgo, hourAgo], 0) == 0)
      _ = try await cluster.startAgent(Programs.evenkeel, [])
      try await eventually("draining", within: .seconds(20)) { try await cluster.stats.status().drain.enabled }
      #expect(access(left, F_OK) != 0)
    }
  }

  @Test("Connections that an operator drains are drained, and no others")
  func manual() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(2, named: "server")
      let client = try await cluster.addPods(1, named: "client")[0]
      let service = try await cluster.addService("echo", ports: [grpcPort], pods: pods)
      _ = try await cluster.startAgent(Programs.evenkeel, ["--drain-interval", "0s", "--drain-pace", "100"])
      for pod in pods { try await pod.start(Peer.grpcio.server(named: pod.name)).waitUntilReady() }
      let load = try await client.start(Peer.grpcio.client(of: service.target(.ipv4), channels: 8, seconds: 600))
      try await eventually("responses on all connections", within: .seconds(20)) {
        let connections = try await cluster.stats.connections().connections
        return connections.count == 8 && connections.allSatisfy { $0.responses > 0 }
      }
      // The agent is ready before its self-test has passed.
      try await eventually("draining", within: .seconds(20)) { try await cluster.stats.status().drain.enabled }
      let victim = try #require(try await cluster.stats.connections().connections.first)
      #expect(try await cluster.stats.drain(.connection(victim.id)) == DrainReply(queued: 1))
      try await eventually("the drain", within: .seconds(20)) {
        try await cluster.stats.connections().connections.first { $0.id == victim.id }?.state != "open"
      }
      #expect(try await cluster.sum(\.incoming.goaways) == 1)
      await #expect(throws: StatsClientError.self) { try await cluster.stats.drain(.connection(victim.id + 1_000_000)) }
      load.send(.terminate)
      #expect(try await load.peerReport().failed == 0)
    }
  }
}

/// The numbers of the links that an agent has pinned, by their names.
private func pinnedLinks(in bpffs: String) throws -> [String: UInt32] {
  let folder = "\(bpffs)/evenkeel/links"
  var links: [String: UInt32] = [:]
  for name in try FileSystem.names(in: folder) { links[name] = try BPFLink(pinnedAt: "\(folder)/\(name)")?.id() }
  return links
}
