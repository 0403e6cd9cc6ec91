import Foundation
import Lab
import StatsAPI
import Testing

@Suite("What the agent says of bad input", .serialized)
struct BadInputTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Flags beside those that are right.
    var flags: [String] = []
    var manifest: String?
    var exitCode: Int32
    /// What the message must hold.
    var names: [String]
  }

  private static let service = """
    apiVersion: v1
    kind: Service
    metadata: {name: cart, namespace: shop}
    spec:
      clusterIP: 10.96.0.10
      ports: [{name: grpc, port: 80}]
    """

  static let rows = [
    Row(
      testDescription: "a typo in a field", manifest: service.replacing("ports:", with: "prots:"), exitCode: 65,
      names: ["test.yaml:6", "prots", "ports"]),
    Row(
      testDescription: "a wrong type", manifest: service.replacing("port: 80", with: "port: eighty"), exitCode: 65,
      names: ["test.yaml:6", "spec.ports[0].port", "eighty"]),
    Row(
      testDescription: "two Services with one address and port",
      manifest: service + "\n---\n" + service.replacing("name: cart", with: "name: till"), exitCode: 65,
      names: ["shop/cart", "shop/till", "10.96.0.10"]),
    Row(testDescription: "an empty file", manifest: "", exitCode: 65, names: ["test.yaml"]),
    Row(
      testDescription: "no such file", flags: ["--manifests", "/nowhere/shop.yaml"], exitCode: 78,
      names: ["/nowhere/shop.yaml"]),
    Row(
      testDescription: "a jitter above 100", flags: ["--drain-jitter", "101"], exitCode: 64, names: ["--drain-jitter"]),
    Row(testDescription: "a pace of 0", flags: ["--drain-pace", "0"], exitCode: 64, names: ["--drain-pace"]),
    Row(
      testDescription: "an interval that is none", flags: ["--drain-interval", "10"], exitCode: 64,
      names: ["drain-interval"]),
    Row(testDescription: "an unknown policy", flags: ["--policy", "fair"], exitCode: 64, names: ["policy", "maglev"]),
    Row(
      testDescription: "a socket path that is too long",
      flags: ["--socket", "/run/" + String(repeating: "x", count: 120)],
      exitCode: 78, names: ["/run/xxx", "107"]),
    Row(
      testDescription: "a socket path in a directory that is none", flags: ["--socket", "/dev/null/evenkeel.sock"],
      exitCode: 78, names: ["/dev/null"]),
    Row(
      testDescription: "a metrics address without a port", flags: ["--metrics-address", "127.0.0.1"], exitCode: 64,
      names: ["metrics-address", "127.0.0.1"]),
    Row(
      testDescription: "a metrics address of another machine", flags: ["--metrics-address", "203.0.113.1:9713"],
      exitCode: 78, names: ["203.0.113.1:9713", "--metrics-address"]),
    Row(
      testDescription: "two inputs", flags: ["--kubeconfig", "/etc/kubeconfig"], exitCode: 64,
      names: ["--manifests", "--kubeconfig"]),
    Row(
      testDescription: "a bpffs that is none", flags: ["--bpffs", "/tmp"], exitCode: 78,
      names: ["/tmp", "mount -t bpf"]),
    Row(
      testDescription: "a cgroup that is of no cgroup v2", flags: ["--cgroup", "/tmp"], exitCode: 78,
      names: ["/tmp", "cgroup v2"]),
  ]

  @Test("It is one clear message with the documented exit code", arguments: rows)
  func badInput(row: Row) async throws {
    try await withLab(kubeProxy: false) { cluster in
      let manifest = "\(cluster.directory)/test.yaml"
      try (row.manifest ?? Self.service).write(toFile: manifest, atomically: true, encoding: .utf8)
      let defaults = [
        "--manifests": manifest, "--cgroup": cluster.cgroup.path, "--bpffs": cluster.bpffs, "--socket": cluster.socket,
      ]
      let flags = defaults.filter { !row.flags.contains($0.key) }.flatMap { [$0.key, $0.value] } + row.flags
      let agent = try await cluster.start([Programs.evenkeel, "agent"] + flags)
      #expect(try await agent.waitUntilExit() == .code(row.exitCode), "\(agent.errorOutput)")
      for name in row.names { #expect(agent.errorOutput.contains(name), "\(agent.errorOutput)") }
    }
  }

  @Test("Without capabilities it says which are missing, and exits with 77")
  func noCapability() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let manifest = "\(cluster.directory)/test.yaml"
      try Self.service.write(toFile: manifest, atomically: true, encoding: .utf8)
      let agent = try await cluster.start([
        "setpriv", "--bounding-set", "-all", "--inh-caps", "-all", Programs.evenkeel, "agent", "--manifests", manifest,
        "--cgroup", cluster.cgroup.path, "--bpffs", cluster.bpffs, "--socket", cluster.socket,
      ])
      #expect(try await agent.waitUntilExit() == .code(77), "\(agent.errorOutput)")
      #expect(agent.errorOutput.contains("CAP_BPF"), "\(agent.errorOutput)")
    }
  }

  @Test("A second agent is refused; a broken manifest or a vanished directory changes nothing that is in force")
  func running() async throws {
    try await withLab(kubeProxy: false, objects: .manifests) { cluster in
      let pods = try await cluster.addPods(2, named: "server")
      _ = try await cluster.addService("echo", ports: [grpcPort], pods: pods)
      let agent = try await cluster.startAgent(Programs.evenkeel)
      let second = try await cluster.start([
        Programs.evenkeel, "agent", "--manifests", cluster.manifests, "--cgroup", cluster.cgroup.path, "--bpffs",
        cluster.bpffs, "--socket", "\(cluster.directory)/second.sock",
      ])
      #expect(try await second.waitUntilExit() == .code(78))
      #expect(second.errorOutput.contains("another agent"))

      let before = try await cluster.stats.services()
      let broken = "\(cluster.manifests)/broken.yaml"
      try "kind: Service\napiVersion: v1\nspec: {".write(toFile: broken, atomically: true, encoding: .utf8)
      try await eventually("a warning", within: .seconds(20)) {
        try await cluster.stats.status().warnings.contains { $0.contains("broken.yaml") }
      }
      #expect(try await cluster.stats.services() == before)
      try FileManager.default.removeItem(atPath: broken)
      try await eventually("no warning", within: .seconds(20)) {
        try await cluster.stats.status().warnings.isEmpty
      }
      try FileManager.default.moveItem(atPath: cluster.manifests, toPath: "\(cluster.directory)/gone")
      try await eventually("a warning", within: .seconds(20)) {
        try await cluster.stats.status().warnings.contains { $0.contains(cluster.manifests) }
      }
      #expect(try await cluster.stats.services() == before)

      // SIGTERM ends it, and the data path stays in force.
      let start = ContinuousClock.now
      #expect(try await agent.stop() == .success)
      #expect(ContinuousClock.now - start < .seconds(5))
      #expect(try !FileManager.default.contentsOfDirectory(atPath: "\(cluster.bpffs)/evenkeel/links").isEmpty)
    }
  }
}
