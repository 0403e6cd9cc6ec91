import Lab
import StatsAPI
import Testing

@Suite("How connects end, as the agent tells it", .serialized)
struct OutcomeTests {
  @Test("Where no endpoint is ready, a connect is refused at once, and counted where one can see it")
  func noEndpoints() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let server = try await cluster.addPods(1, named: "server")[0]
      let client = try await cluster.addPods(1, named: "client")[0]
      var service = try await cluster.addService("echo", ports: [grpcPort], pods: [server])
      service.mark([server], .unready)
      try await cluster.apply(service)
      _ = try await cluster.startAgent(Programs.evenkeel)
      try await server.start(Peer.grpcio.server(named: server.name)).waitUntilReady()

      for address in [service.addresses.ipv4, service.addresses.ipv6] {
        let error = await #expect(throws: LabError.self) { try await client.connect(to: address) }
        #expect("\(error, default: "")".contains("Connection refused"))
      }
      #expect(try await cluster.outcome("no_endpoints") == 2)
      #expect(try await cluster.outcome("spread") == 0)
      let metrics = try await cluster.stats.metrics()
      #expect(metrics.contains("evenkeel_outcomes_total{outcome=\"no_endpoints\"} 2\n"), "\(metrics)")

      service.mark([server], .ready)
      try await cluster.apply(service)
      try await eventually("a connect that succeeds", within: .seconds(20)) {
        do { try await client.connect(to: service.addresses.ipv4) } catch is LabError { return false }
        return true
      }
      #expect(try await cluster.outcome("spread") == 1)
    }
  }
}

extension Pod {
  /// To the Service's port, by a process that ends then.
  fileprivate func connect(to address: String) async throws {
    try await run(["bash", "-c", "exec 3<>/dev/tcp/\(address)/\(grpcPort.port)"])
  }
}

extension Cluster {
  fileprivate func outcome(_ name: String) async throws -> UInt64? {
    try await stats.status().outcomes.first { $0.name == name }?.count
  }
}
