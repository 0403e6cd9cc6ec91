import Lab
import StatsAPI

/// What an agent takes, with crowds of connections.
struct DrainMeasurements {
  let agent: String

  private static let port = Lab.Service.Port(port: 80, targetPort: 50051)

  /// 1,000 connections of one pod, whose endpoint turns to terminating.
  func terminating() async throws -> String {
    try await withLab(kubeProxy: false) { lab in
      let pod = try await lab.addPods(1, named: "server")[0]
      let client = try await lab.addPods(1, named: "client")[0]
      var service = try await lab.addService("crowd", ports: [Self.port], pods: [pod])
      _ = try await lab.startAgent(agent, ["--drain-interval", "0s"])
      try await serve(on: [pod])
      let crowd = try await connect(1000, to: service, from: client)
      service.mark([pod], .serving)
      let start = monotonicSeconds()
      try await lab.apply(service)
      let line = try await crowd.waitForLine { $0.hasPrefix("left ") }
      let end = Double(line.dropFirst("left ".count)) ?? .nan
      return "terminating: 1,000 connections of one pod have their GOAWAY \(rounded(end - start)) s after the change"
    }
  }

  /// The agent of a large node: at rest, and while each connection is drained once a minute.
  func node() async throws -> String {
    try await withLab(kubeProxy: false) { lab in
      let pods = try await lab.addPods(200, named: "server")
      let clients = try await lab.addPods(5, named: "client")
      var services: [Lab.Service] = []
      for (index, group) in pods.chunks(of: 40).enumerated() {
        services.append(try await lab.addService("crowd-\(index)", ports: [Self.port], pods: group))
      }
      // As many processes as a full node has beside its pods, with some open files each.
      let files = (3...12).map { "\($0)</dev/null" }.joined(separator: " ")
      _ = try await lab.start(
        ["sh", "-c", "for i in $(seq 2000); do sleep 3600 \(files) & done; wait"], name: "2,000 other processes")
      try await serve(on: pods)
      let quiet = try await lab.startAgent(agent, ["--drain-interval", "0s"])
      var crowds: [RunningProgram] = []
      for (service, client) in zip(services, clients) {
        crowds.append(try await connect(2000, to: service, from: client, "--reconnect"))
      }
      let idle = try await load(of: quiet, in: lab)
      try await quiet.stop()
      let busy = try await lab.startAgent(
        agent, ["--drain-interval", "1m", "--drain-jitter", "50", "--drain-pace", "5"])
      let draining = try await load(of: busy, in: lab)
      return """
        node, 10,000 connections in 200 pods, 2,000 other processes:
          at rest:                         \(idle)
          each drained once in a minute:   \(draining)
        """
    }
  }

  private func serve(on pods: [Pod]) async throws {
    for pod in pods {
      try await pod.start([Executables.own, "crowd", "serve"], name: "the server in \(pod.name)").waitUntilReady()
    }
  }

  private func connect(
    _ count: Int, to service: Lab.Service, from client: Pod, _ flags: String...
  ) async throws -> RunningProgram {
    let target = "\(service.addresses.ipv4):\(Self.port.port)"
    let crowd = try await client.start(
      [Executables.own, "crowd", "connect", "--target", target, "--connections", "\(count)"] + flags,
      name: "the crowd in \(client.name)")
    try await crowd.waitUntilReady()
    return crowd
  }

  /// What an agent takes in half a minute.
  private func load(of agent: RunningProgram, in lab: Cluster) async throws -> String {
    let stats = StatsClient(socketPath: lab.socket)
    let (usage, start) = (try ProcessUsage(of: agent), monotonicSeconds())
    let before = Ticks(try await stats.metrics())
    try await Task.sleep(for: .seconds(30))
    let ticks = Ticks(try await stats.metrics()) - before
    let now = try ProcessUsage(of: agent)
    let share = (now.cpuSeconds - usage.cpuSeconds) / (monotonicSeconds() - start)
    let goaways = try await stats.status().drain.goaways
    return "\(rounded(share * 100)) % of a core, \(ticks), \(goaways) GOAWAYs, \(rounded(now.residentMegabytes)) MB"
  }
}

/// Three digits that mean something.
func rounded(_ number: Double) -> String {
  guard number.isFinite else { return "?" }
  let digits = abs(number) >= 100 ? 1.0 : abs(number) >= 10 ? 10.0 : abs(number) >= 1 ? 100.0 : 1000.0
  let value = (number * digits).rounded() / digits
  return value == value.rounded() && digits == 1 ? "\(Int(value))" : "\(value)"
}

extension Array {
  fileprivate func chunks(of size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
