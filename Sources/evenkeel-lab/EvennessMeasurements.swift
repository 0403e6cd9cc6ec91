import FoundationEssentials
import Lab

/// How soon the load is even again, with 30 gRPC clients that all call alike.
struct EvennessMeasurements {
  let agent: String

  private static let port = Lab.Service.Port(port: 80, targetPort: 50051)
  private static let clientPods = 3
  private static let clientsPerPod = 10
  /// Seconds of requests that say whether the load is even, and how far off the mean a pod may be.
  private static let (window, tolerance) = (2.0, 0.2)
  private static let interval = 0.25

  func scaleUp() async throws -> String {
    try await measure(pods: 6, first: 3) { lab, pods, service, _ in
      service.add(Array(pods[3...]))
      try await lab.apply(service)
      return ("3 pods become 6", pods)
    }
  }

  func rollingUpdate() async throws -> String {
    try await measure(pods: 11, first: 6) { lab, pods, service, servers in
      let (old, new) = (Array(pods[..<6]), Array(pods[6...]))
      for (index, pod) in old.enumerated() {
        if index < new.count { service.add([new[index]]) }
        service.mark([pod], .serving)
        try await lab.apply(service)
        servers[pod]?.send(.terminate)
        try await Task.sleep(for: .seconds(2))
      }
      return ("6 pods are replaced by 5, one every 2 s", new)
    }
  }

  private typealias Change = (Cluster, [Pod], inout Lab.Service, [Pod: RunningProgram]) async throws -> (String, [Pod])

  /// - Parameter change: changes the Service, and returns what it has done and which pods should share the load.
  private func measure(pods count: Int, first: Int, _ change: Change) async throws -> String {
    try await withLab(kubeProxy: false) { lab in
      let pods = try await lab.addPods(count, named: "server")
      let clients = try await lab.addPods(Self.clientPods, named: "client")
      var service = try await lab.addService("even", ports: [Self.port], pods: Array(pods[..<first]))
      let agent = try await lab.startAgent(agent, ["--log-level", "warning"])
      var servers: [Pod: RunningProgram] = [:]
      for pod in pods {
        servers[pod] = try await pod.start([Executables.own, "serve"], name: "the server in \(pod.name)")
        try await servers[pod]?.waitUntilReady()
      }
      let answers = Answers(pods: pods.map(\.name))
      var callers: [CallProgram] = []
      for client in clients { callers.append(try await call(service, from: client, answers)) }
      try await eventually("an even load", within: .seconds(60), every: .milliseconds(100)) {
        await answers.isEven(over: pods[..<first].map(\.name), Self.window, within: Self.tolerance, since: 0)
      }
      let (what, after) = try await change(lab, pods, &service, servers)
      let changed = await answers.now
      try await eventually("an even load", within: .seconds(120), every: .milliseconds(100)) {
        await answers.isEven(over: after.map(\.name), Self.window, within: Self.tolerance, since: changed)
      }
      let seconds = await answers.now - changed - Self.window
      for caller in callers { caller.askToEnd() }
      var total = LoadReport(event: .done)
      for caller in callers { total.add(try await caller.report()) }
      try await agent.stop()
      return "\(what): even within \(Int(Self.tolerance * 100)) % after \(rounded(max(0, seconds))) s; "
        + "\(total.ok) RPCs, \(total.failed) failed, on \(total.connections) connections\(agent.errorOutput)"
    }
  }

  private func call(_ service: Lab.Service, from client: Pod, _ answers: Answers) async throws -> CallProgram {
    let program = try await client.start(
      [
        Executables.own, "call", "--target", "\(service.addresses.ipv4):\(Self.port.port)",
        "--channels", "\(Self.clientsPerPod)", "--concurrency", "1", "--bodies", "", "--pause-milliseconds", "100",
        "--streams", "0", "--seconds", "3600", "--progress-milliseconds", "\(Self.interval * 1000)",
      ], name: "the clients in \(client.name)")
    return CallProgram(program) { await answers.count($0) }
  }
}

/// What was answered, and when.
private actor Answers {
  private var history: ShareHistory
  private let start = ContinuousClock.now

  init(pods: [String]) { history = ShareHistory(pods: pods) }

  var now: Double { (ContinuousClock.now - start) / .seconds(1) }

  func count(_ answers: [String: Int]) { history.record(answers, until: now) }

  /// Whether the last seconds were even, all of them later than a moment.
  func isEven(over pods: [String], _ window: Double, within tolerance: Double, since moment: Double) -> Bool {
    now - window >= moment && Spread(history.counts(since: now - window), over: pods).isEven(within: tolerance)
  }
}
