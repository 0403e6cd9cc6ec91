import Benchmark
import FoundationEssentials
import Lab
import Synchronization

/// gRPC clients while 3 pods become 6, 3 of them are replaced, and the agent is killed, if there is one.
///
/// Pods are replaced as most users have it: a preStop pause lies between the moment in which the endpoint turns to
/// terminating and the SIGTERM. Without, all ways lose calls to servers that close their doors before anyone knows.
struct CourseTrial {
  enum Contender: String, CaseIterable, Sendable {
    case kubeProxy, evenkeel, roundRobin, envoy

    var name: String {
      switch self {
      case .kubeProxy: "kube-proxy, iptables"
      case .evenkeel: "evenkeel"
      case .roundRobin: "grpcio round_robin"
      case .envoy: "Envoy, round robin"
      }
    }
  }

  let settings: BenchSettings
  let contender: Contender

  private static let port = Lab.Service.Port(port: 80, targetPort: 50051)
  /// Clients of three kinds with a connection each: how many, and their pause between two calls. Each kind does a third of
  /// all; one of the last does four times as much as one of the first.
  ///
  /// In a full run so many that chance keeps out of the figures: see docs/PERFORMANCE.md.
  private var clients: [(channels: Int, pause: Int)] {
    let few = times.fewClients
    return [(few * 4, 1000), (few * 2, 500), (few, 250)]
  }

  func run() async throws -> Report.Course {
    try await withLab(kubeProxy: contender == .kubeProxy, objects: .manifests) { lab in
      let servers = try await lab.addPods(9, named: "server")
      let client = try await lab.addPods(1, named: "client")[0]
      var service = try await lab.addService(
        "echo", ports: [Self.port], pods: Array(servers[..<3]), isHeadless: contender == .roundRobin)
      var agent = try await startAgent(in: lab)
      let programs = try await start(servers)
      let course = Course(contender: contender.name, isOurs: contender == .evenkeel)
      let callers = try await startClients(in: lab, pod: client, service, course)
      // Each channel's first call, and what it takes to connect them all, is over.
      try await eventually("answers to all clients", within: .seconds(60)) { course.reporting == callers.count }
      try await course.catchUp()
      course.startClock()
      course.begin("3 pods", pods: servers[..<3])
      let sampling = Task { try await course.sample() }
      defer { sampling.cancel() }
      try await Task.sleep(for: .seconds(times.steady))

      course.begin(Report.Course.scaleUp, pods: servers[..<6])
      service.add(Array(servers[3..<6]))
      try await apply(service, lab)
      try await Task.sleep(for: .seconds(times.scaleUp))
      try await course.catchUp()

      course.begin("3 replaced", pods: servers[3...])
      try await replace(servers[..<3], by: servers[6...], of: &service, programs, lab)
      // Whoever fails at the last one has seen it.
      try await Task.sleep(for: .seconds(1))
      try await course.catchUp()
      if let running = agent {
        course.begin("agent killed", pods: servers[3...])
        try await running.kill()
        try await Task.sleep(for: .seconds(1))
        agent = try await startAgent(in: lab)
        try await Task.sleep(for: .seconds(times.steady))
      }
      sampling.cancel()
      for caller in callers { caller.send(.terminate) }
      for caller in callers { _ = try await caller.waitUntilExit() }
      try await course.end()
      return course.report
    }
  }

  private var times: BenchSettings.CourseTimes { settings.course }

  /// One after the other; returns when the last of the old ones has ended.
  private func replace(
    _ old: ArraySlice<Pod>, by new: ArraySlice<Pod>, of service: inout Lab.Service, _ programs: [Pod: RunningProgram],
    _ lab: Cluster
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (old, new) in zip(old, new) {
        service.add([new])
        service.mark([old], .serving)
        try await apply(service, lab)
        group.addTask { [preStop = times.preStop] in
          try await Task.sleep(for: .seconds(preStop))
          _ = try await programs[old]?.stop(within: .seconds(30))
        }
        try await Task.sleep(for: .seconds(times.replacement))
      }
      try await group.waitForAll()
    }
    service.remove(Array(old))
    try await apply(service, lab)
  }

  private func startAgent(in lab: Cluster) async throws -> RunningProgram? {
    guard contender == .evenkeel else { return nil }
    return try await lab.startAgent(
      settings.agent, ["--drain-interval", "2s", "--drain-pace", "100", "--log-level", "warning"])
  }

  private func start(_ servers: [Pod]) async throws -> [Pod: RunningProgram] {
    var programs: [Pod: RunningProgram] = [:]
    for pod in servers {
      let program = try await pod.start([Executables.own, "serve"], name: "the server in \(pod.name)")
      try await program.waitUntilReady()
      programs[pod] = program
    }
    return programs
  }

  private func startClients(
    in lab: Cluster, pod: Pod, _ service: Lab.Service, _ course: Course
  ) async throws -> [RunningProgram] {
    var target = BenchStage.address(of: service)
    var (flags, resolver): ([String], Resolver?) = ([], nil)
    switch contender {
    case .kubeProxy, .evenkeel:
      break
    case .roundRobin:
      let names = try await lab.addPods(1, named: "dns")[0]
      try await names.start(
        script("name_server.py") + ["--manifests", lab.manifests, "--listen", "\(names.addresses.ipv4):53"],
        name: "the name server"
      ).waitUntilReady()
      resolver = try lab.resolver(asking: names)
      (target, flags) = ("dns:///echo:\(Self.port.targetPort)", ["--round-robin"])
    case .envoy:
      let pods = service.endpoints.map { BenchStage.direct($0.pod) }
      _ = try await Proxy.envoy.start(
        in: try pod.container("proxy"), directory: lab.directory, programs: settings, one: pods, all: pods)
      target = Proxy.all
    }
    var programs: [RunningProgram] = []
    for (index, (channels, pause)) in clients.enumerated() {
      let load = [
        "--target", target, "--channels", "\(channels)", "--concurrency", "1", "--bodies", "", "--streams", "0",
        "--pause-milliseconds", "\(pause)", "--seconds", "3600",
      ]
      let program = try await pod.start(
        script("grpcio_client.py") + load + flags, resolver: resolver, name: "clients with a pause of \(pause) ms")
      course.follow(program, as: index)
      programs.append(program)
    }
    return programs
  }

  private func script(_ name: String) -> [String] { [settings.python, "-B", "\(settings.peers)/\(name)"] }

  private func apply(_ service: Lab.Service, _ lab: Cluster) async throws {
    try await lab.apply(service)
    guard contender == .envoy else { return }
    let ready = service.endpoints.filter { $0.state == .ready }.map { BenchStage.direct($0.pod) }
    try Proxy.writeEndpoints(of: "all", ready, in: lab.directory)
  }
}

/// What clients say in the course of time.
private final class Course: Sendable {
  private struct Contents {
    var report: Report.Course
    /// The last report of each client, and how many it has made.
    var latest: [Int: LoadReport] = [:]
    var reports: [Int: Int] = [:]
    var readers: [Task<Void, any Error>] = []
    var phase: (title: String, pods: [String], start: Double, before: LoadReport)?
    var sampled = LoadReport(event: .progress)
    var start = ContinuousClock.now

    var now: Double { (ContinuousClock.now - start) / .seconds(1) }

    var sum: LoadReport {
      latest.values.reduce(into: LoadReport(event: .progress)) { $0.add($1) }
    }
  }

  private let contents: Mutex<Contents>

  init(contender: String, isOurs: Bool) {
    contents = Mutex(Contents(report: .init(contender: contender, isOurs: isOurs)))
  }

  var report: Report.Course { contents.withLock(\.report) }

  /// How many clients have had answers.
  var reporting: Int { contents.withLock { $0.latest.values.count { $0.ok > 0 } } }

  func follow(_ program: RunningProgram, as number: Int) {
    let reader = Task {
      let decoder = JSONDecoder()
      var last: LoadReport?
      for await line in program.lines {
        let report = try decoder.decode(LoadReport.self, from: Data(line.utf8))
        contents.withLock {
          $0.latest[number] = report
          $0.reports[number, default: 0] += 1
        }
        last = report
      }
      guard last?.event == .done else {
        throw TrialFailure("\(program.name) ended without a report: \(program.errorOutput.suffix(2000))")
      }
    }
    contents.withLock { $0.readers.append(reader) }
  }

  /// Waits until each client has reported what is over by now.
  func catchUp() async throws {
    let before = contents.withLock(\.reports)
    try await eventually("reports of all clients", within: .seconds(30)) {
      contents.withLock { contents in before.allSatisfy { contents.reports[$0.key, default: 0] > $0.value } }
    }
  }

  /// A new phase begins, in which these pods share the load.
  func begin(_ title: String, pods: ArraySlice<Pod>) {
    contents.withLock {
      Self.closePhase(&$0)
      $0.phase = (title, pods.map(\.name), $0.now, $0.sum)
    }
  }

  /// When all clients have ended.
  ///
  /// - Throws: what was wrong with their reports.
  func end() async throws {
    for reader in contents.withLock(\.readers) { try await reader.value }
    contents.withLock {
      Self.closePhase(&$0)
      $0.report.errors = $0.sum.errors
    }
  }

  private static func closePhase(_ contents: inout Contents) {
    guard let phase = contents.phase else { return }
    let sum = contents.sum
    contents.report.phases.append(
      .init(
        title: phase.title, start: phase.start, end: contents.now, answered: sum.ok - phase.before.ok,
        failed: sum.failed - phase.before.failed))
    contents.phase = nil
  }

  /// Time counts from now on.
  func startClock() { contents.withLock { ($0.start, $0.sampled) = (.now, $0.sum) } }

  /// Notes each second who has answered how much of it, until cancelled.
  func sample() async throws {
    let start = contents.withLock(\.start)
    for second in 1... {
      try await Task.sleep(until: start + .seconds(second), clock: .continuous)
      contents.withLock {
        let sum = $0.sum
        let counts = sum.byServer.merging($0.sampled.byServer) { $0 - $1 }
        $0.sampled = sum
        $0.report.seconds.append(
          .init(time: $0.now, busiest: busiest(counts, sharedBy: $0.phase?.pods.count ?? 0)))
      }
    }
  }

  /// The busiest pod, be it one that is on its way out, over what each of those that should share the load would have.
  private func busiest(_ counts: [String: Int], sharedBy pods: Int) -> Double? {
    let total = counts.values.reduce(0, +)
    guard let most = counts.values.max(), total > 0, pods > 0 else { return nil }
    return Double(most * pods) / Double(total)
  }
}
