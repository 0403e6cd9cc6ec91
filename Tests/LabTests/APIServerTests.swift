import Foundation
import Lab
import MockAPIServer
import StatsAPI
import Testing

@Suite("An agent that has its objects from an API server", .serialized)
struct APIServerTests {
  @Test("Without one it says what is missing, and exits with 78, or with 69 where a plugin has failed")
  func nobodyToAsk() async throws {
    try await withLab(kubeProxy: false) { cluster in
      func run(_ flags: String...) async throws -> (Lab.ExitStatus, String) {
        let places = ["--cgroup", cluster.cgroup.path, "--bpffs", cluster.bpffs, "--socket", cluster.socket]
        let agent = try await cluster.start([Programs.evenkeel, "agent"] + places + flags)
        return (try await agent.waitUntilExit(), agent.errorOutput)
      }
      let (inCluster, advice) = try await run()
      #expect(inCluster == .code(78))
      for name in ["KUBERNETES_SERVICE_HOST", "--kubeconfig", "--manifests"] {
        #expect(advice.contains(name), "\(advice)")
      }

      let path = "\(cluster.directory)/broken.yaml"
      let (missing, message) = try await run("--kubeconfig", path)
      #expect(missing == .code(78))
      #expect(message.contains(path), "\(message)")

      let plugin = #"{"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}"#
      try Self.kubeconfig(user: #"{"exec": \#(plugin)}"#)
        .write(toFile: path, atomically: true, encoding: .utf8)
      let (failed, reason) = try await run("--kubeconfig", path)
      #expect(failed == .code(69))
      #expect(reason.contains("false"), "\(reason)")
    }
  }

  @Test("What was known stays in force while the server is away; what has changed meanwhile follows")
  func serverIsAway() async throws {
    try await withLab(kubeProxy: false, objects: .apiServer) { cluster in
      let pods = try await cluster.addPods(3, named: "server")
      let service = try await cluster.addService("echo", ports: [grpcPort], pods: Array(pods[..<2]))
      let server = try await cluster.objectServer()
      _ = try await cluster.startAgent(Programs.evenkeel)
      // Each pod has an endpoint of each family.
      #expect(try await cluster.stats.services().services.flatMap(\.endpoints).count == 4)
      #expect(try await cluster.stats.status().source.hasPrefix("kubeconfig "))

      server.fail(.status(503, reason: "ServiceUnavailable"), count: .max)
      await server.dropConnections()
      try await eventually("a warning", within: .seconds(30)) {
        try await cluster.stats.status().warnings.contains { $0.contains("503") }
      }
      #expect(try await cluster.stats.services().services.flatMap(\.endpoints).count == 4)

      var grown = service
      grown.add([pods[2]])
      try await cluster.apply(grown)
      server.compact()
      server.clearFaults()
      try await eventually("the endpoint that was added", within: .seconds(60)) {
        try await cluster.stats.services().services.flatMap(\.endpoints).count == 6
      }
      try await eventually("no warning", within: .seconds(30)) { try await cluster.stats.status().warnings.isEmpty }
    }
  }

  private static func kubeconfig(user: String) -> String {
    """
    {"apiVersion": "v1", "kind": "Config", "current-context": "a",
     "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
     "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}],
     "users": [{"name": "a", "user": \(user)}]}
    """
  }
}
