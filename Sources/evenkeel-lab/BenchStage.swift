import Benchmark
import FoundationEssentials
import Lab

/// A node with what all contenders have in common: pods with servers, a pod with clients, and Services.
struct BenchStage: Sendable {
  let lab: Cluster
  let settings: BenchSettings
  let node: Node
  let servers: [Pod]
  let client: Pod
  /// The container of the client pod in which the load is made.
  let load: Pod
  /// A Service of the first pod, so that the work behind every way is the same; and one of all.
  let one: Lab.Service
  let all: Lab.Service
  private let processes = Processes()

  static let port = Lab.Service.Port(port: 80, targetPort: 50051)

  /// What servers have to give, by name, in bytes.
  static let files = [("small", 200), ("bulk", 100_000), ("large", 4_000_000)]

  init(_ lab: Cluster, _ settings: BenchSettings, on node: Node) async throws {
    (self.lab, self.settings, self.node) = (lab, settings, node)
    servers = try await lab.addPods(3, named: "server", on: node)
    client = try await lab.addPods(1, named: "client", on: node)[0]
    load = try client.container("load")
    one = try await lab.addService("one-\(node.name)", ports: [Self.port], pods: [servers[0]])
    all = try await lab.addService("all-\(node.name)", ports: [Self.port], pods: servers)
    try await setMode(.spread)
    // A client that connects thousands of times a second needs its ports again before a minute has gone.
    try await client.run([
      "sh", "-ec",
      "cd /proc/sys/net/ipv4; echo 1 > tcp_tw_reuse; echo '1024 65535' > ip_local_port_range",
    ])
    for (name, size) in Self.files {
      try Data(repeating: UInt8(ascii: "x"), count: size).write(to: URL(filePath: "\(lab.directory)/\(name)"))
    }
    try await restartServers()
  }

  /// Two processes of one program are not equally fast: what lies where in memory is chance, and makes some 2 %. That is
  /// not to be taken for a property of those who happen to be measured with one of them. In a quick run, chance is larger
  /// anyway.
  func renewServers() async throws {
    if !settings.isQuick { try await restartServers() }
  }

  private func restartServers() async throws {
    try await processes.replace { [lab, servers] in
      var started: [RunningProgram] = []
      for pod in servers {
        let port = "\(Self.port.targetPort)"
        started.append(
          try await pod.start(["nghttpd", "--no-tls", "-d", lab.directory, port], name: "nghttpd in \(pod.name)"))
      }
      return started
    }
    try await waitUntilServed(servers.map(Self.direct))
  }

  private actor Processes {
    private var running: [RunningProgram] = []

    func replace(_ start: @Sendable () async throws -> [RunningProgram]) async throws {
      for program in running { try await program.stop() }
      running = try await start()
    }
  }

  /// A pod's own address.
  static func direct(_ pod: Pod) -> String { "\(pod.addresses.ipv4):\(port.targetPort)" }

  /// Of the Services. Agents know those of all stages, and one that is balanced concerns them wherever its pods are.
  func setMode(_ mode: Evenkeel.Mode) async throws {
    for var service in [one, all] {
      service.annotations["evenkeel.io/mode"] = mode.rawValue
      try await lab.apply(service)
    }
  }

  static func address(of service: Lab.Service) -> String { "\(service.addresses.ipv4):\(port.port)" }

  func waitUntilServed(_ targets: [String]) async throws {
    try await eventually("an answer of \(targets.joined(separator: ", "))", within: .seconds(20)) {
      do {
        _ = try await exchange(with: targets, count: targets.count)
        return true
      } catch LabError.commandFailed {
        return false
      }
    }
  }

  func exchange(with targets: [String], count: Int) async throws -> ExchangeCommand.Outcome {
    let flags = targets.flatMap { ["--target", $0] } + ["--count", "\(count)"]
    let text = try await load.run([Executables.own, "exchange"] + flags)
    return try JSONDecoder().decode(ExchangeCommand.Outcome.self, from: Data(text.utf8))
  }

  /// - Throws: `TrialFailure` if a request failed, as nobody should compare how fast errors are; or if none was made, even
  ///   at the third attempt: a short time may be over before a machine that has other things to do comes to it.
  @discardableResult
  func h2load(_ target: String, _ file: String, clients: Int, streams: Int, milliseconds: Int, log: String? = nil)
    async throws -> H2LoadOutput
  {
    let command =
      ["h2load", "-c", "\(clients)", "-m", "\(streams)", "-D", "\(milliseconds)ms"]
      + (log.map { ["--log-file=\($0)"] } ?? []) + ["http://\(target)/\(file)"]
    for _ in 0..<3 {
      let output = try H2LoadOutput(try await load.run(command))
      guard output.failed == 0 else {
        throw TrialFailure("h2load of \(target)/\(file): \(output.failed) failed, \(output.succeeded) succeeded")
      }
      if output.succeeded > 0 { return output }
    }
    throw TrialFailure("h2load of \(target)/\(file): nobody answered within \(milliseconds) ms")
  }

  func latencies(_ target: String, clients: Int, streams: Int, milliseconds: Int) async throws -> Latencies {
    let log = "\(lab.directory)/h2load.log"
    defer { try? FileManager.default.removeItem(atPath: log) }
    try await h2load(target, "small", clients: clients, streams: streams, milliseconds: milliseconds, log: log)
    return H2LoadOutput.latencies(log: try Data(contentsOf: URL(filePath: log)))
  }
}
