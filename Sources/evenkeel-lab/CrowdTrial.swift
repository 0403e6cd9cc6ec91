import Benchmark
import FoundationEssentials
import Glibc
import Lab
import StatsAPI

/// What the agent takes, and how fast it is, with crowds of connections.
struct CrowdTrial {
  let settings: BenchSettings

  private static let port = Lab.Service.Port(port: 80, targetPort: 50051)

  /// At rest, while all connections are drained within an interval, and while the pods of a crowd terminate at once.
  func draining() async throws -> [Report.Figure] {
    try await withLab(kubeProxy: false, objects: .manifests) { lab in
      let clients = try await lab.addPods(5, named: "client")
      let (staying, leaving) = (try await pods(10, "staying", lab), try await pods(10, "leaving", lab))
      let service = try await lab.addService("staying", ports: [Self.port], pods: staying)
      var terminating = try await lab.addService("leaving", ports: [Self.port], pods: leaving)
      let interval = settings.crowdInterval
      let agent = try await lab.startAgent(
        settings.agent, ["--drain-interval", "0s", "--log-level", "warning"])
      let atRest = try await rest(agent, lab, "at rest, without connections")
      try await agent.stop()

      let draining = try await lab.startAgent(
        settings.agent, ["--drain-interval", "\(interval)s", "--drain-pace", "100", "--log-level", "warning"])
      let target = BenchStage.address(of: service)
      let crowds = try await crowd(settings.crowd, from: clients, to: [target], "--reconnect")
      // By then each has been drained, and many of them twice: an age is off the interval by half of it at most.
      let busy = try await share(of: lab.hostCgroup, for: interval * 2)
      let unguarded = try await status(lab).unguarded
      let worst = try await worstSecond(of: crowds)
      try await draining.stop()

      let quiet = try await lab.startAgent(settings.agent, ["--drain-interval", "0s", "--log-level", "warning"])
      let leavers = try await crowd(settings.crowd, from: clients, to: [BenchStage.address(of: terminating)])
      let full = try await rest(quiet, lab, "at rest, with \(number(Double(settings.crowd))) connections")
      let placed = try await goaways(quiet, lab, &terminating, leavers)
      let connections = Double(settings.crowd)
      return atRest + full + [
        .init(
          "processor time of the agent while \(number(connections)) connections are drained, --drain-interval \(interval)s",
          busy * 100, "% of a core"),
        .init(
          "reconnects in the worst second, \(number(connections)) connections, --drain-interval \(interval)s", worst,
          "per s", .atMost(2 * connections / Double(interval))),
      ] + placed + [.init("GOAWAYs that left unguarded, in both", unguarded + placed.unguarded, "", .atMost(0))]
    }
  }

  private func pods(_ count: Int, _ name: String, _ lab: Cluster) async throws -> [Pod] {
    let pods = try await lab.addPods(count, named: name)
    for pod in pods {
      try await pod.start([Executables.own, "crowd", "serve"], name: "the server in \(pod.name)").waitUntilReady()
    }
    return pods
  }

  /// Each client pod opens its part of the connections, to the targets in turn.
  private func crowd(
    _ count: Int, from clients: [Pod], to targets: [String], _ flags: String...
  ) async throws -> [RunningProgram] {
    var crowds: [RunningProgram] = []
    for client in clients {
      let targets = targets.flatMap { ["--target", $0] }
      crowds.append(
        try await client.start(
          [Executables.own, "crowd", "connect", "--connections", "\(count / clients.count)"] + targets + flags,
          name: "the crowd in \(client.name)"))
    }
    for crowd in crowds { try await crowd.waitUntilReady(within: .seconds(120)) }
    return crowds
  }

  private func status(_ lab: Cluster) async throws -> (unguarded: Double, refused: Double, busy: Double) {
    let drain = try await StatsClient(socketPath: lab.socket).status().drain
    return (Double(drain.unguarded), Double(drain.refused), Double(drain.busy))
  }

  private func rest(_ agent: RunningProgram, _ lab: Cluster, _ title: String) async throws -> [Report.Figure] {
    // What had to be done at the start, or for what came just before, is over.
    try await Task.sleep(for: .seconds(2))
    let share = try await share(of: lab.hostCgroup, for: settings.idle)
    return [
      .init("processor time of the agent \(title)", share * 100, "% of a core", .atMost(0.2)),
      .init("resident memory of the agent \(title)", try ProcessUsage(of: agent).residentMegabytes, "MB", .atMost(40)),
    ]
  }

  /// What the agent takes of a processor in the next seconds. By its cgroup, which it has for itself: that counts in
  /// microseconds, where a process is counted in clock ticks of 10 ms.
  private func share(of cgroup: Lab.Cgroup, for seconds: Int) async throws -> Double {
    let (before, start) = (try cgroup.cpuSeconds(), monotonicSeconds())
    try await Task.sleep(for: .seconds(seconds))
    return (try cgroup.cpuSeconds() - before) / (monotonicSeconds() - start)
  }

  /// Ends the crowds, and says in which second they have reconnected most often.
  private func worstSecond(of crowds: [RunningProgram]) async throws -> Double {
    var all = Events()
    for crowd in crowds {
      crowd.send(.terminate)
      let line = try await crowd.waitForLine { $0.hasPrefix("reconnects ") }
      all.add(try JSONDecoder().decode(Events.self, from: Data(line.dropFirst("reconnects ".count).utf8)))
      _ = try await crowd.waitUntilExit()
    }
    guard all.count > 0 else { throw TrialFailure("no connection was drained, and so none was made anew") }
    return Double(all.mostInASecond)
  }

  /// All pods of a Service terminate: how soon all of its connections have their GOAWAY.
  private func goaways(
    _ agent: RunningProgram, _ lab: Cluster, _ service: inout Lab.Service, _ crowds: [RunningProgram]
  ) async throws -> [Report.Figure] {
    // All threads of the agent share a core with whoever else is there.
    _ = try await lab.start(["taskset", "-a", "-p", "-c", "0", "\(agent.processIdentifier)"]).waitUntilExit()
    let before = try await status(lab)
    let start = monotonicSeconds()
    service.mark(service.endpoints.map(\.pod), .serving)
    try await lab.apply(service)
    var end = start
    for crowd in crowds {
      let line = try await crowd.waitForLine(within: .seconds(60)) { $0.hasPrefix("left ") }
      end = max(end, Double(line.dropFirst("left ".count)) ?? .nan)
    }
    let after = try await status(lab)
    let count = Double(settings.crowd / crowds.count * crowds.count)
    return [
      .init("GOAWAYs placed, the agent on one core", count / (end - start), "per s", .atLeast(2000)),
      .init("besides, refused by the guard and tried again", after.refused - before.refused, ""),
      .init("besides, given up as the server was busy and tried again", after.busy - before.busy, ""),
      .init(Self.unguarded, after.unguarded, ""),
    ]
  }

  fileprivate static let unguarded = "of all, unguarded"

  /// A crowd that is tracked and never drained: the kernel's memory, and the time of a tick.
  func tracking() async throws -> [Report.Figure] {
    try await withLab(kubeProxy: false, objects: .manifests) { lab in
      let clients = try await lab.addPods(10, named: "client")
      let servers = try await pods(20, "server", lab)
      _ = try await lab.addService("tracked", ports: [Self.port], pods: servers)
      let agent = try await lab.startAgent(settings.agent, ["--drain-interval", "0s", "--log-level", "warning"])
      // To the pods themselves: then clients' sockets hold nothing of ours, and the memory is that of the tracking.
      _ = try await crowd(settings.tracked, from: clients, to: servers.map(BenchStage.direct))
      let stats = StatsClient(socketPath: lab.socket)
      let tracked = try await stats.status().connections
      // What had to be done as they came is over.
      try await Task.sleep(for: .seconds(2))
      let before = try Ticks(await stats.metrics())
      try await Task.sleep(for: .seconds(settings.idle))
      var ticks = before
      // Where nothing is due, an agent at rest looks every few seconds only.
      try await eventually("a round of draining", within: .seconds(60), every: .seconds(2)) {
        ticks = try Ticks(await stats.metrics()) - before
        return ticks.count > 0
      }
      let usage = try ProcessUsage(of: agent)
      try await agent.stop()
      let full = try await settledSlab()
      // The sockets stay, and what they hold of ours goes with its map.
      try await lab.cleanUp(settings.agent)
      let freed = full - (try await settledSlab())
      let connections = number(Double(tracked))
      return [
        .init(
          "kernel memory of a tracked connection, \(connections) of them", freed / Double(tracked), "B", .atMost(512)),
        .init("a tick of the agent, \(connections) connections", ticks.milliseconds, "ms", .atMost(50)),
        .init("resident memory of the agent, \(connections) connections", usage.residentMegabytes, "MB"),
      ]
    }
  }

  /// Bytes of the kernel's slabs that cannot be reclaimed (/proc/meminfo), once they change no more: what was freed comes
  /// back after some grace periods.
  private func settledSlab() async throws -> Double {
    var last = try slab()
    var steady = 0
    for _ in 0..<20 where steady < 4 {
      try await Task.sleep(for: .milliseconds(250))
      let now = try slab()
      steady = (now - last).magnitude < 256 * 1024 ? steady + 1 : 0
      last = now
    }
    return last
  }

  private func slab() throws -> Double {
    let text = try String(contentsOfFile: "/proc/meminfo", encoding: .utf8)
    let line = text.split(separator: "\n").first { $0.hasPrefix("SUnreclaim:") }
    guard let kilobytes = line.flatMap({ Double($0.split(separator: " ")[1]) }) else {
      throw TrialFailure("/proc/meminfo has no line 'SUnreclaim'")
    }
    return kilobytes * 1024
  }
}

extension [Report.Figure] {
  fileprivate var unguarded: Double { first { $0.title == CrowdTrial.unguarded }?.value ?? .nan }
}
