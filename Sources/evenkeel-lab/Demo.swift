import Lab

/// The demo's story, act by act. What has to hold is checked as it is told.
struct Demo {
  private let settings: DemoSettings
  private let lab: Cluster
  private let board: DemoBoard

  init(_ settings: DemoSettings, _ lab: Cluster) {
    (self.settings, self.lab) = (settings, lab)
    let pods = (1...(settings.podsBefore + settings.podsAdded + settings.podsReplaced)).map { "web-\($0)" }
    board = DemoBoard(pods: pods, window: settings.window, socket: lab.socket)
  }

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      let board = board
      group.addTask { try await board.tick() }
      defer { group.cancelAll() }
      try await play()
    }
    try await board.finish(writing: settings.svg)
  }

  private func play() async throws {
    let pods = try await lab.addPods(settings.podsBefore + settings.podsAdded + settings.podsReplaced, named: "web")
    let first = Array(pods[..<settings.podsBefore])
    let added = Array(pods[settings.podsBefore...].prefix(settings.podsAdded))
    let new = Array(pods.suffix(settings.podsReplaced))
    var service = try await lab.addService("web", ports: [settings.service], pods: first)
    var servers: [Pod: RunningProgram] = [:]
    for pod in pods { servers[pod] = try await startServer(in: pod) }
    let clients = DemoClients(
      pods: try await lab.addPods(settings.clientPods, named: "client"), service: service, settings: settings,
      board: board)

    await board.begin()
    try await actWithoutAgent(clients, &service, added: added)
    guard let agent = settings.agent else { return }
    let before = try await actAgentStarts(agent, clients, &service, first: first, added: added)
    try await actPodsAdded(&service, added)
    try await actRollingUpdate(&service, servers, old: first, new: new)
    let after = try await actAgentKilled(before, path: agent, clients, added + new)
    try await clients.stop()
    await actResult(clients)
    await board.explainFailure(agentLog: before.errorOutput + after.errorOutput)
  }

  private func startServer(in pod: Pod) async throws -> RunningProgram {
    let server = try await pod.start([Executables.own, "serve"], name: "the server in \(pod.name)")
    try await server.waitUntilReady()
    return server
  }

  private func actWithoutAgent(_ clients: DemoClients, _ service: inout Service, added: [Pod]) async throws {
    await board.say(
      "1", "Without evenkeel: \(clients.count) gRPC clients call a Service of \(settings.podsBefore) pods.",
      event: "\(clients.count) clients, \(settings.podsBefore) pods, kube-proxy's rules only")
    try await clients.start(streams: 0)
    try await look()
    service.add(added)
    try await lab.apply(service)
    await board.say(
      " ", "\(settings.podsAdded) pods are added. Nobody connects anew, so nobody notices.",
      event: "\(settings.podsAdded) pods added")
    try await look()
    await board.endAct()

    let report = try await clients.stop()
    let idle = added.allSatisfy { report.byServer[$0.name] == nil }
    await board.say(
      " ",
      "\(report.connections) connections: each client's requests all went to one pod. The added pods answered "
        + "\(added.map { report.byServer[$0.name] ?? 0 }.reduce(0, +)) requests.")
    await board.check(report.connections == clients.count, "without an agent, each client's requests go to one pod")
    await board.check(idle, "without an agent, added pods stay idle")
  }

  private func actAgentStarts(
    _ agent: String, _ clients: DemoClients, _ service: inout Service, first: [Pod], added: [Pod]
  ) async throws -> RunningProgram {
    service.remove(added)
    try await lab.apply(service)
    let running = try await lab.startAgent(agent, settings.agentFlags)
    await board.say(
      "2", "With evenkeel: the same clients connect again, to the same \(first.count) pods as at first.",
      event: "agent started; the clients connect again, to \(first.count) pods")
    try await clients.start(streams: 1)
    try await waitUntilEven(first, "connections are spread when they are made", within: .seconds(settings.window + 3))
    try await look()
    await board.endAct()
    return running
  }

  private func actPodsAdded(_ service: inout Service, _ added: [Pod]) async throws {
    let pods = service.endpoints.map(\.pod) + added
    service.add(added)
    try await lab.apply(service)
    await board.say(
      "3",
      "\(pods.count - added.count) pods become \(pods.count). The old ones shed half of their connections within "
        + "\(settings.rebalanceWindow) s.",
      event: "\(pods.count - added.count) pods become \(pods.count)")
    try await waitUntilEven(pods, "added pods get their share within a drain interval", within: settings.timeUntilEven)
    try await look()
    await board.endAct()
  }

  private func actRollingUpdate(
    _ service: inout Service, _ servers: [Pod: RunningProgram], old: [Pod], new: [Pod]
  ) async throws {
    await board.say(
      "4", "A rolling update: \(old.count) pods are replaced, one by one, without a preStop hook.",
      event: "rolling update of \(old.count) pods")
    for (old, new) in zip(old, new) {
      service.add([new])
      // As when a pod is deleted: its endpoint terminates, and its process is sent SIGTERM.
      service.mark([old], .serving)
      try await lab.apply(service)
      servers[old]?.send(.terminate)
      try await Task.sleep(for: settings.pace.replacement)
    }
    let pods = service.endpoints.map(\.pod).filter { !old.contains($0) }
    try await waitUntilEven(pods, "new pods take over from old ones", within: settings.timeUntilEven)
    for pod in old { _ = try await servers[pod]?.waitUntilExit() }
    service.remove(old)
    try await lab.apply(service)
    await board.endAct()
  }

  private func actAgentKilled(
    _ running: RunningProgram, path: String, _ clients: DemoClients, _ pods: [Pod]
  ) async throws -> RunningProgram {
    try await running.kill()
    await board.say("5", "kill -9 of the agent. What it has set up stays in force.", event: "kill -9 of the agent")
    let newcomers = try await clients.runNewcomers(for: settings.pace.look)
    await board.say(
      " ", "\(newcomers.connections) new clients connected meanwhile, to \(newcomers.byServer.count) different pods.")
    await board.check(newcomers.byServer.count > 1, "without its agent, the kernel goes on to spread connections")
    let restarted = try await lab.startAgent(path, settings.agentFlags)
    await board.say(" ", "The agent is started again, and takes over.", event: "agent started again")
    try await waitUntilEven(pods, "an agent that is started again takes over", within: settings.timeUntilEven)
    await board.endAct()
    return restarted
  }

  private func actResult(_ clients: DemoClients) async {
    let total = await clients.total
    await board.say(
      "6",
      "\(total.ok) requests and streams on \(total.connections) connections. Lost: \(total.failed).",
      event: "lost: \(total.failed)")
    if total.retried > 0 {
      await board.say(" ", "The clients tried \(total.retried) times again, as grpc-swift must at any server's GOAWAY.")
    }
    for (error, count) in total.errors.sorted(by: { $0.key < $1.key }) { await board.say(" ", "\(count) × \(error)") }
    await board.check(total.failed == 0, "no request is lost")
  }

  private func look() async throws { try await Task.sleep(for: settings.pace.look) }

  private func waitUntilEven(_ pods: [Pod], _ what: String, within limit: Duration) async throws {
    let names = pods.map(\.name)
    let start = ContinuousClock.now
    do {
      try await eventually(what, within: limit, every: .milliseconds(200)) {
        await board.isEven(over: names, since: start, tolerance: settings.tolerance)
      }
      let seconds = Int(((ContinuousClock.now - start) / .seconds(1) - settings.window).rounded())
      await board.say(" ", "Even after \(max(seconds, 0)) s.", event: "even over \(pods.count) pods")
      await board.check(true, what)
    } catch LabError.timedOut {
      await board.check(false, what)
    }
  }
}
