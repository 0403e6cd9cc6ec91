import FoundationEssentials
import Lab
import StatsAPI

/// Clients of one kind, each in a pod of its own so that its connections can be told from others', and their drains.
struct ClientTrial {
  let settings: ClientsSettings
  let kind: ClientKind

  /// Of the servers in a pod; the Service's own is another one.
  private static let port = Lab.Service.Port(port: 80, targetPort: 50051)
  private static let limit = Duration.seconds(300)
  /// Some hundred GOAWAYs by servers: enough to see whether calls fail.
  private static let comparison = 25  // seconds

  /// With an agent that drains, until there were enough GOAWAYs.
  func withAgent(flags: [String], agentFlags: [String] = [], patience: Int = 1) async throws -> ClientMatrix.Run {
    try await withLab(kubeProxy: false) { lab in
      let servers = try await lab.addPods(settings.servers, named: "server")
      let service = try await lab.addService("echo", ports: [Self.port], pods: servers)
      _ = try await lab.startAgent(settings.agent, settings.agentFlags + agentFlags)
      try await start(settings.server, in: servers)
      let capture = try await Capture.start(in: lab)
      let targets = [service.addresses.ipv4, "[\(service.addresses.ipv6)]"].map { "\($0):\(Self.port.port)" }
      let clients = try await startClients(in: lab, targets: targets, flags: flags)

      let stats = StatsClient(socketPath: lab.socket)
      try await eventually("\(settings.drains) GOAWAYs", within: Self.limit, every: .milliseconds(200)) {
        try await check(clients)
        return try await countGoaways(stats) >= settings.drains
      }
      let end = Date.now
      for client in clients { client.send(.terminate) }
      let report = try await sumOfReports(clients)
      let goaways = try await countGoaways(stats)
      let unguarded = try await stats.status().drain.unguarded
      guard unguarded == 0 else { throw TrialFailure("\(unguarded) GOAWAYs were placed unguarded") }
      let drains = try await capture.finish(settings, until: end, patience: patience)
      guard drains.goaways >= settings.drains else {
        throw TrialFailure("of \(goaways) GOAWAYs that the agent has counted, \(drains.goaways) were on the wire")
      }
      return ClientMatrix.Run(report: report, drains: drains, goaways: goaways)
    }
  }

  /// With servers that have a maximum connection age themselves, and no agent.
  func withoutAgent() async throws -> ClientMatrix.Run {
    try await withLab(kubeProxy: false) { lab in
      let servers = try await lab.addPods(settings.servers, named: "server")
      try await start(settings.serverWithMaxAge, in: servers)
      let capture = try await Capture.start(in: lab)
      let targets = servers.map { "\($0.addresses.ipv4):\(Self.port.targetPort)" }
      let end = Date.now + TimeInterval(Self.comparison)
      let clients = try await startClients(
        in: lab, targets: targets, flags: kind.flags + ["--seconds", "\(Self.comparison)"])
      let report = try await sumOfReports(clients)
      let drains = try await capture.finish(settings, until: end, patience: 1)
      return ClientMatrix.Run(report: report, drains: drains, goaways: drains.goaways)
    }
  }

  // MARK: Programs

  private func start(_ server: [String], in pods: [Pod]) async throws {
    for pod in pods {
      let flags = ["--listen", "[::]:\(Self.port.targetPort)", "--name", pod.name]
      try await pod.start(server + flags, name: "the server in \(pod.name)").waitUntilReady()
    }
  }

  /// In pods of their own, which take turns with the targets.
  private func startClients(in lab: Cluster, targets: [String], flags: [String]) async throws -> [RunningProgram] {
    var clients: [RunningProgram] = []
    for (index, pod) in try await lab.addPods(settings.clients, named: "client").enumerated() {
      let target = ["--target", targets[index % targets.count]]
      clients.append(
        try await pod.start(
          kind.command + target + settings.load + flags, name: "\(kind.name) in \(pod.name)"))
    }
    return clients
  }

  /// - Throws: what it said at its end, if a client has ended.
  private func check(_ clients: [RunningProgram]) async throws {
    for client in clients where !client.isRunning { throw TrialFailure(try await ended(client)) }
  }

  private func sumOfReports(_ clients: [RunningProgram]) async throws -> LoadReport {
    var sum = LoadReport(event: .done)
    for client in clients {
      var last: LoadReport?
      for await line in client.lines { last = try? JSONDecoder().decode(LoadReport.self, from: Data(line.utf8)) }
      guard let last, last.event == .done else { throw TrialFailure(try await ended(client)) }
      sum.add(last)
    }
    return sum
  }

  private func ended(_ client: RunningProgram) async throws -> String {
    "\(client.name) ended with \(try await client.waitUntilExit()), and no report: \(client.errorOutput.suffix(2000))"
  }

  private func countGoaways(_ stats: StatsClient) async throws -> Int {
    try await stats.services().services.flatMap(\.endpoints).reduce(0) { $0 + Int($1.incoming.goaways) }
  }

  /// A packet capture of all pods' traffic, each packet once: as it comes into the node.
  private struct Capture {
    let program: RunningProgram
    let lab: Cluster

    private static func file(of lab: Cluster) -> String { "\(lab.directory)/drains.pcap" }

    static func start(in lab: Cluster) async throws -> Capture {
      let node = await lab.nodes[0]
      let program = try await node.start([
        "tcpdump", "-i", "bridge", "-Q", "in", "-s", "0", "-B", "262144", "--immediate-mode", "-U", "-Z", "root", "-w",
        file(of: lab), "tcp", "port", "\(port.targetPort)",
      ])
      // That it listens it says on standard error.
      try await eventually("the capture", within: .seconds(20)) { program.errorOutput.contains("listening on") }
      return Capture(program: program, lab: lab)
    }

    /// - Parameters:
    ///   - end: when clients were told to end.
    ///   - patience: seconds that they have for what they should do.
    func finish(_ settings: ClientsSettings, until end: Date, patience: Int) async throws -> DrainSummary {
      try await program.stop()
      guard program.errorOutput.contains("\n0 packets dropped by kernel") else {
        throw TrialFailure("the capture is not whole: \(program.errorOutput)")
      }
      let reader = try await lab.start(
        settings.captureReader + [
          Self.file(of: lab), "--port", "\(port.targetPort)", "--until", "\(end.timeIntervalSince1970)",
          "--patience", "\(patience)",
        ], name: "pcap_drains.py")
      return try DrainSummary(json: try await reader.waitForLine(within: .seconds(300)) { $0.hasPrefix("{") })
    }
  }
}

struct TrialFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
