import Lab
import StatsAPI
import Testing

@Suite("Clients of a pod that has vanished", .serialized)
struct OrphanTests {
  @Test("With an orphan timeout their calls go on elsewhere; without, they wait", arguments: [true, false])
  func vanished(isClosing: Bool) async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(2, named: "server")
      let client = try await cluster.addPods(1, named: "client")[0]
      var service = try await cluster.addService("echo", ports: [grpcPort], pods: [pods[0]])
      let flags = ["--drain-interval", "0s"] + (isClosing ? ["--orphan-timeout", "1s"] : [])
      let former = try await cluster.startAgent(Programs.evenkeel, flags)
      for pod in pods { try await pod.start(Peer.grpcio.server(named: pod.name)).waitUntilReady() }
      let load = try await client.start(
        Peer.grpcio.client(of: service.target(.ipv4), channels: 3, seconds: 600) + [
          "--streams", "0", "--bodies", "1000", "--pause-milliseconds", "10",
        ])
      try await load.waitForLine { PeerReport($0)?.byServer[pods[0].name] ?? 0 > 100 }

      // A connection that was opened under another agent is as good as any.
      try await former.kill()
      let agent = try await cluster.startAgent(Programs.evenkeel, flags)

      // The node of the first pod is lost: nothing answers any more, and nothing says so.
      try await pods[0].run(["ip", "link", "set", "eth0", "down"])
      service.endpoints = [.init(pods[1])]
      try await cluster.apply(service)
      if isClosing {
        try await load.waitForLine { PeerReport($0)?.byServer[pods[1].name] ?? 0 > 100 }
        let metrics = try await cluster.stats.metrics()
        #expect(metrics.contains("evenkeel_orphans_closed_total 3\n"), "\(metrics)")
        let lines = agent.errorOutput.split(separator: "\n").filter { $0.contains("vanished") }
        #expect(lines.count == 1 && lines[0].contains(pods[0].addresses.ipv4), "\(agent.errorOutput)")
        load.send(.terminate)
        // On each channel the call that was under way has failed, and perhaps one that followed before gRPC knew.
        let report = try await load.peerReport()
        #expect(report.failed <= 6, "\(report.errors)")
        #expect(report.errors.keys.allSatisfy { $0.contains("UNAVAILABLE") }, "\(report.errors)")
      } else {
        // Each second the client says how it fares. It waits from then on when nothing is new.
        var reports = [try await load.nextReport(), try await load.nextReport()]
        while reports[0].ok != reports[1].ok { reports = [reports[1], try await load.nextReport()] }
        for _ in 1...5 { reports.append(try await load.nextReport()) }
        #expect(reports.allSatisfy { $0.ok == reports[0].ok && $0.failed == 0 }, "\(reports)")
        #expect(reports.allSatisfy { $0.byServer[pods[1].name] == nil }, "\(reports)")
        try await load.kill()
      }
    }
  }
}

extension RunningProgram {
  /// What a client has to report every second.
  fileprivate func nextReport() async throws -> PeerReport {
    try #require(PeerReport(try await waitForLine { PeerReport($0) != nil }))
  }
}
