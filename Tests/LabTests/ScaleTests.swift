import Lab
import StatsAPI
import Testing

@Suite("Pods that come and go, with real clients and servers", .serialized)
struct ScaleTests {
  /// Nothing but what a test is about drains anybody.
  private static let flags = ["--drain-interval", "0s", "--drain-pace", "100", "--rebalance-window", "2s"]

  @Test("3 pods become 6: half of the connections move, within the window, and nothing is lost")
  func scaleUp() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(6, named: "server")
      let client = try await cluster.addPods(1, named: "client")[0]
      var service = try await cluster.addService("echo", ports: [grpcPort], pods: Array(pods[..<3]))
      _ = try await cluster.startAgent(Programs.evenkeel, Self.flags)
      for pod in pods { try await pod.start(Peer.grpcio.server(named: pod.name)).waitUntilReady() }
      let load = try await client.start(Peer.grpcio.client(of: service.target(.ipv4), channels: 24, seconds: 600))
      try await eventually("8 connections that have served on each pod", within: .seconds(30)) {
        try await cluster.open().values.sorted() == [8, 8, 8]
      }
      service.add(Array(pods[3...]))
      try await cluster.apply(service)
      try await eventually("4 connections on each pod", within: .seconds(30)) {
        try await cluster.open().values.sorted() == [4, 4, 4, 4, 4, 4]
      }
      #expect(try await cluster.goaways() == ["rebalance": 12])
      load.send(.terminate)
      let report = try await load.peerReport()
      #expect(report.failed == 0, "\(report.errors)")
      #expect(report.byServer.count == 6)
      #expect(try await cluster.goaways() == ["rebalance": 12], "they shed once")
    }
  }

  @Test("A rolling update without a preStop hook: each pod's clients are gone before it is, and nothing is lost")
  func rollingUpdate() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(6, named: "server")
      let client = try await cluster.addPods(1, named: "client")[0]
      var service = try await cluster.addService("echo", ports: [grpcPort], pods: Array(pods[..<3]))
      _ = try await cluster.startAgent(Programs.evenkeel, Self.flags)
      var servers: [Pod: RunningProgram] = [:]
      for pod in pods[..<3] { servers[pod] = try await cluster.serve(on: pod) }
      let load = try await client.start(Peer.grpcio.client(of: service.target(.ipv6), channels: 12, seconds: 600))
      try await eventually("all connections", within: .seconds(30)) {
        try await cluster.open().values.reduce(0, +) == 12
      }
      for (old, new) in zip(pods[..<3], pods[3...]) {
        servers[new] = try await cluster.serve(on: new)
        service.add([new])
        try await cluster.apply(service)
        service.mark([old], .serving)
        try await cluster.apply(service)
        try await eventually("all clients of \(old.name) at other pods", within: .seconds(10)) {
          let open = try await cluster.open()
          return open["[\(old.addresses.ipv6)]:\(grpcPort.targetPort)"] == nil && open.values.reduce(0, +) == 12
        }
        // Not sooner: what is on the wire in the moment of its `stop`, a server on gRPC's C-core cancels.
        servers[old]?.send(.terminate)
        service.remove([old])
        try await cluster.apply(service)
      }
      try await eventually("connections to all new pods", within: .seconds(10)) {
        let open = try await cluster.open()
        return open.count == 3 && open.values.reduce(0, +) == 12
      }
      load.send(.terminate)
      let report = try await load.peerReport()
      #expect(report.failed == 0, "\(report.errors)")
      #expect(report.byServer.count == 6)
      let goaways = try await cluster.goaways()
      #expect(goaways["endpoint_terminating", default: 0] >= 8, "of the pods that have left, too: \(goaways)")
    }
  }
}

extension Cluster {
  fileprivate nonisolated func serve(on pod: Pod) async throws -> RunningProgram {
    let server = try await pod.start(Peer.grpcio.server(named: pod.name))
    try await server.waitUntilReady()
    return server
  }

  /// How many connections each pod has that are not draining and have served, by the endpoint.
  fileprivate nonisolated func open() async throws -> [String: Int] {
    let open = try await stats.connections().connections.filter { $0.state == "open" && $0.responses > 0 }
    return Dictionary(grouping: open, by: \.endpoint).mapValues(\.count)
  }

  /// The GOAWAYs of all Services by reason, as the metrics have them.
  fileprivate nonisolated func goaways() async throws -> [String: Int] {
    var goaways: [String: Int] = [:]
    for line in try await stats.metrics().split(separator: "\n") where line.hasPrefix("evenkeel_goaways_total{") {
      let match = try #require(line.firstMatch(of: /reason="([a-z_]+)"} ([0-9]+)/))
      goaways[String(match.1), default: 0] += Int(match.2) ?? 0
    }
    return goaways.filter { $0.value > 0 }
  }
}
