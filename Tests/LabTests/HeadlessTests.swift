import Foundation
import Lab
import StatsAPI
import Testing

@Suite("Clients that choose a pod by themselves", .serialized)
struct HeadlessTests {
  @Test("A client with DNS and round robin finds added pods within a drain interval, and without an agent it does not")
  func headless() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(4, named: "server")
      let client = try await cluster.addPods(1, named: "client")[0]
      let names = try await cluster.addPods(1, named: "dns")[0]
      var service = try await cluster.addService("echo", ports: [grpcPort], isHeadless: true)
      for pod in pods { try await pod.start(Peer.grpcio.server(named: pod.name)).waitUntilReady() }
      let listen = ["--listen", "\(names.addresses.ipv4):53"]
      try await names.start(
        Programs.python("name_server.py") + ["--manifests", cluster.manifests] + listen
      ).waitUntilReady()
      let resolver = try cluster.resolver(asking: names)

      /// A client that knows the first two pods, and runs for some drain intervals after the other two were added.
      func load(whileRunning watch: () async throws -> Void) async throws -> PeerReport {
        service.endpoints = pods.prefix(2).map { .init($0) }
        try await cluster.apply(service)
        let load = try await client.start(
          Peer.grpcio.client(of: "dns:///echo:\(grpcPort.targetPort)", channels: 2, seconds: 12) + [
            "--round-robin", "--resolve-milliseconds", "500", "--stream-seconds", "1", "--bodies", "1000",
          ], resolver: resolver)
        try await load.waitForLine { PeerReport($0)?.byServer.count == 2 }
        service.add(Array(pods.suffix(2)))
        try await cluster.apply(service)
        try await watch()
        return try await load.peerReport()
      }

      let without = try await load {}
      #expect(without.failed == 0, "\(without.errors)")
      #expect(Set(without.byServer.keys) == Set(pods.prefix(2).map(\.name)), "\(without.byServer)")

      _ = try await cluster.startAgent(
        Programs.evenkeel, ["--drain-interval", "4s", "--drain-jitter", "0", "--drain-pace", "100"])
      let with = try await load {
        let added = Set(pods.suffix(2).flatMap { [$0.addresses.ipv4, $0.addresses.ipv6] })
        try await eventually("connections to both addresses of both added pods", within: .seconds(20)) {
          let endpoints = try await cluster.stats.services().services.flatMap(\.endpoints)
          return endpoints.count { added.contains($0.address) && $0.incoming.active > 0 } == 4
        }
        // Two channels had connected to two addresses of two pods; in one interval none of those is drained twice.
        #expect((1...8).contains(try await cluster.sum(\.incoming.goaways)))
      }
      #expect(with.failed == 0, "\(with.errors)")
      #expect(Set(with.byServer.keys) == Set(pods.map(\.name)), "\(with.byServer)")
      #expect(try await cluster.stats.services().services.map(\.headless) == [true])
    }
  }

  @Test("A client of a pod's own address is drained, comes back to that pod, and loses nothing")
  func plainAddress() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pods = try await cluster.addPods(2, named: "server")
      let client = try await cluster.addPods(1, named: "client")[0]
      _ = try await cluster.addService("echo", ports: [grpcPort], pods: pods)
      _ = try await cluster.startAgent(Programs.evenkeel, ["--drain-interval", "1s", "--drain-pace", "100"])
      for pod in pods { try await pod.start(Peer.grpcio.server(named: pod.name)).waitUntilReady() }
      let targets = [
        "\(pods[0].addresses.ipv4):\(grpcPort.targetPort)", "[\(pods[0].addresses.ipv6)]:\(grpcPort.targetPort)",
      ]
      for target in targets {
        let before = try await cluster.sum(\.incoming.goaways)
        let load = try await client.start(
          Peer.grpcio.client(of: target, channels: 4, seconds: 600) + ["--stream-seconds", "2"])
        try await eventually("two GOAWAYs for each channel", within: .seconds(30), every: .milliseconds(50)) {
          try await cluster.sum(\.incoming.goaways) >= before + 8
        }
        load.send(.terminate)
        let report = try await load.peerReport()
        #expect(report.failed == 0, "\(report.errors)")
        #expect(Set(report.byServer.keys) == [pods[0].name], "\(report.byServer)")
        #expect(report.reconnects >= 4)
      }
      #expect(try await cluster.sum(\.outgoing.opened) == 0, "nothing was there to spread")
      #expect(try await cluster.stats.status().drain.unguarded == 0)
    }
  }
}
