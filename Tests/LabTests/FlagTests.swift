import Lab
import StatsAPI
import Testing

@Suite("An agent's flags and signals at work", .serialized)
struct FlagTests {
  @Test("With a grace, a connection whose streams outlive its GOAWAY is closed, and no other")
  func grace() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let server = try await cluster.addPods(1, named: "server")[0]
      let client = try await cluster.addPods(1, named: "client")[0]
      let service = try await cluster.addService("echo", ports: [grpcPort], pods: [server])
      _ = try await cluster.startAgent(
        Programs.evenkeel, ["--drain-interval", "0s", "--drain-pace", "100", "--drain-grace", "500ms"])
      try await server.start(Peer.grpcio.server(named: server.name)).waitUntilReady()
      // Each channel has a stream of 15 s.
      let load = try await client.start(Peer.grpcio.client(of: service.target(.ipv4), channels: 2, seconds: 1))
      try await eventually("responses on both connections", within: .seconds(20)) {
        let connections = try await cluster.stats.connections().connections
        return connections.count == 2 && connections.allSatisfy { $0.responses > 0 }
      }
      let victim = try #require(try await cluster.stats.connections().connections.first)
      #expect(try await cluster.stats.drain(.connection(victim.id)) == DrainReply(queued: 1))
      try await eventually("the end of the connection", within: .seconds(10)) {
        try await !cluster.stats.connections().connections.contains { $0.id == victim.id }
      }
      // Its stream has failed, and that of the other connection arrived unbroken.
      let report = try await load.peerReport()
      #expect(report.failed == 1, "\(report.errors)")
      #expect(report.errors.keys.allSatisfy { $0.hasPrefix("Ticks") }, "\(report.errors)")
    }
  }

  @Test("SIGHUP does not end it, and its input stays in force")
  func reload() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(1, named: "server")
      _ = try await cluster.addService("echo", ports: [grpcPort], pods: pods)
      let agent = try await cluster.startAgent(Programs.evenkeel)
      let before = try await cluster.stats.services()
      _ = try await cluster.start(["kill", "-HUP", "\(agent.processIdentifier)"]).waitUntilExit()
      _ = try await cluster.addService("later", ports: [grpcPort], pods: pods)
      try await eventually("the second Service", within: .seconds(10)) {
        try await cluster.stats.services().services.count == before.services.count + 1
      }
      #expect(agent.isRunning)
    }
  }
}
