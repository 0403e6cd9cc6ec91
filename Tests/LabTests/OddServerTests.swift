import Lab
import StatsAPI
import Testing

@Suite("Servers and clients that are not as usual", .serialized)
struct OddServerTests {
  struct Kind: Sendable, CustomTestStringConvertible {
    var name: String
    /// What its connections are shown as.
    var isShown: @Sendable (Connection) -> Bool
    /// What it is shown as, for people.
    var testDescription: String
    var mayBeDrained = true
  }

  static let kinds = [
    Kind(
      name: "own-goaway", isShown: { $0.state == "undrainable" && $0.reason == "server_goaway" },
      testDescription: "a server that sends its own GOAWAY"),
    Kind(
      name: "tls", isShown: { $0.state == "undrainable" && $0.reason == "opaque" }, testDescription: "TLS",
      mayBeDrained: false),
    Kind(
      name: "http1", isShown: { $0.state == "undrainable" && $0.reason == "opaque" }, testDescription: "HTTP/1.1",
      mayBeDrained: false),
    Kind(
      name: "lookalike", isShown: { $0.state == "undrainable" || $0.responses == 0 },
      testDescription: "a protocol that looks like HTTP/2 for 9 bytes", mayBeDrained: false),
    Kind(name: "bytewise", isShown: { $0.protocolName == "h2" }, testDescription: "a server that writes byte by byte"),
    Kind(
      name: "continuation", isShown: { $0.protocolName == "h2" },
      testDescription: "header blocks in many CONTINUATION frames"),
    Kind(name: "big-frames", isShown: { $0.protocolName == "h2" }, testDescription: "frames of 4 MB"),
  ]

  @Test("None is harmed, and each is shown as what it is", arguments: kinds)
  func oddServer(kind: Kind) async throws {
    try await withLab(kubeProxy: false) { cluster in
      let server = try await cluster.addPods(1, named: "server")[0]
      let client = try await cluster.addPods(1, named: "client")[0]
      let service = try await cluster.addService("odd", ports: [grpcPort], pods: [server])
      _ = try await cluster.startAgent(Programs.evenkeel, ["--drain-interval", "500ms", "--drain-pace", "100"])
      let flags = ["--kind", kind.name]
      try await server.start(
        Programs.python("odd_server.py") + flags + ["--listen", "[::]:\(grpcPort.targetPort)"]
      ).waitUntilReady()
      let load = try await client.start(
        Programs.python("odd_client.py") + flags + [
          "--target", service.target(.ipv4), "--seconds", "6", "--stream-seconds", "3", "--channels", "3",
        ])
      try await eventually("a connection shown as \(kind.name)", within: .seconds(20), every: .milliseconds(50)) {
        try await cluster.stats.connections().connections.contains(where: kind.isShown)
      }
      let report = try await load.peerReport()
      #expect(report.failed == 0, "\(report.errors)")
      #expect(report.ok > 0)
      if !kind.mayBeDrained { #expect(try await cluster.sum(\.incoming.goaways) == 0) }
      #expect(try await cluster.stats.status().drain.unguarded == 0)
    }
  }

  @Test("A client that stops reading gets every byte in the end", arguments: Peer.servers)
  func stalledClient(server: Peer) async throws {
    try await withLab(kubeProxy: false) { cluster in
      let pod = try await cluster.addPods(1, named: "server")[0]
      let client = try await cluster.addPods(1, named: "client")[0]
      let service = try await cluster.addService("echo", ports: [grpcPort], pods: [pod])
      _ = try await cluster.startAgent(Programs.evenkeel, ["--drain-interval", "500ms", "--drain-pace", "100"])
      try await pod.start(server.server(named: pod.name)).waitUntilReady()
      let report = try await client.start(
        Programs.python("odd_client.py") + [
          "--kind", "stalled", "--target", service.target(.ipv6), "--seconds", "8", "--stall", "3",
        ]
      ).peerReport()
      #expect(report.failed == 0, "\(report.errors)")
      #expect(report.ok > 0)
      #expect(try await cluster.stats.status().drain.unguarded == 0)
    }
  }
}
