import Benchmark
import Lab
import StatsAPI

/// A way from clients to pods that one can choose.
protocol Contender: Sendable {
  var id: String { get }
  var name: String { get }
  var isOurs: Bool { get }
  /// Whether it is to cost next to nothing.
  var isNearDirect: Bool { get }
  /// What is worth the time: a second variant of one differs by connections only.
  var loads: [BenchTurn.Load] { get }
  /// Whether it takes so long to put in force that it stays, on a node of its own, from the first round to the last.
  var isStanding: Bool { get }

  /// Puts it in force.
  func setUp(on stage: BenchStage) async throws -> Way
}

extension Contender {
  var isOurs: Bool { false }
  var isNearDirect: Bool { isOurs }
  var loads: [BenchTurn.Load] { BenchTurn.Load.allCases }
  var isStanding: Bool { false }
}

/// A contender that is in force.
struct Way: Sendable {
  /// Where clients connect to for the first pod, and for all in turn.
  var one: String
  var all: [String]
  /// The container in which a proxy runs.
  var proxy: Pod?
  var agent: RunningProgram?
  /// Seconds from the start of the agent until it was ready.
  var agentStart: Double?
  /// Takes it out of force.
  var tearDown: @Sendable () async throws -> Void = {}
}

/// To the pods' own addresses; of several, one after the other. Among the contenders it is the control.
struct Direct: Contender {
  let id = Report.control
  var name = "direct"
  let isNearDirect = true

  func setUp(on stage: BenchStage) async throws -> Way {
    Way(one: BenchStage.direct(stage.servers[0]), all: stage.servers.map(BenchStage.direct))
  }
}

/// An agent of this project.
struct Evenkeel: Contender {
  enum Mode: String {
    /// Connections are spread, and that is all.
    case spread
    /// They are tracked too, so that they can be drained.
    case balance
  }

  let mode: Mode

  var id: String { mode.rawValue }
  var name: String { mode == .spread ? "evenkeel, spread" : "evenkeel, tracked" }
  var isOurs: Bool { true }

  func setUp(on stage: BenchStage) async throws -> Way {
    try await stage.setMode(mode)
    // h2load never connects anew: nothing is drained while it measures.
    let (agent, seconds) = try await stage.lab.startTimed(
      stage.settings.agent, ["--drain-interval", "0s", "--log-level", "warning"], on: stage.node)
    let (lab, node, executable) = (stage.lab, stage.node, stage.settings.agent)
    return Way(
      one: BenchStage.address(of: stage.one), all: [BenchStage.address(of: stage.all)], agent: agent,
      agentStart: seconds
    ) {
      try await agent.stop()
      try await lab.cleanUp(executable, on: node)
    }
  }
}

extension Cluster {
  /// Starts an agent, and says how many seconds it took until it was ready. Returns when its self-test is over, too.
  func startTimed(
    _ executable: String, _ flags: [String], on node: Node
  ) async throws -> (agent: RunningProgram, seconds: Double) {
    let stats = StatsClient(socketPath: node.socket)
    let start = ContinuousClock.now
    async let ready = Task {
      try await eventually("readiness of an agent", within: .seconds(30), every: .milliseconds(1)) {
        (try? await stats.probe(.readyz)) != nil
      }
      return (ContinuousClock.now - start) / .seconds(1)
    }.value
    let agent = try await startAgent(executable, flags, on: node)
    let seconds = try await ready
    try await eventually("draining by an agent", within: .seconds(30), every: .milliseconds(10)) {
      try await stats.status().drain.enabled
    }
    return (agent, seconds)
  }
}

/// kube-proxy's rules, among those of so many Services.
struct KubeProxyRules: Contender {
  let rules: ServiceRules
  let services: Int

  var id: String { "\(rules.rawValue)-\(services)" }
  var name: String { "\(rules.rawValue), \(number(Double(services))) Service\(services == 1 ? "" : "s")" }
  var loads: [BenchTurn.Load] { services == 1 ? BenchTurn.Load.allCases : BenchTurn.Load.few }
  var isStanding: Bool { services > 1 }

  func setUp(on stage: BenchStage) async throws -> Way {
    // In the middle: kube-proxy has no order that would put anyone first.
    let others = services > 1 ? stage.one.copies(services - 2) : []
    let half = others.count / 2
    let all = Array(others[..<half]) + [stage.one, stage.all] + Array(others[half...])
    try await stage.node.apply(rules, for: all)
    let node = stage.node
    return Way(one: BenchStage.address(of: stage.one), all: [BenchStage.address(of: stage.all)]) {
      try await node.removeRules()
    }
  }
}

/// A proxy beside the client, as a sidecar: in its pod, and in a container of its own.
struct Sidecar: Contender {
  let proxy: Proxy

  var id: String { proxy.rawValue }
  var name: String { proxy.name }

  func setUp(on stage: BenchStage) async throws -> Way {
    let container = try stage.client.container("proxy")
    do {
      let program = try await proxy.start(
        in: container, directory: stage.lab.directory, programs: stage.settings,
        one: [BenchStage.direct(stage.servers[0])], all: stage.servers.map(BenchStage.direct))
      do {
        try await stage.waitUntilServed([Proxy.one, Proxy.all])
      } catch {
        throw TrialFailure("\(error); it has said: \(program.errorOutput.suffix(1000))")
      }
    } catch {
      try? await container.removeContainer()
      throw error
    }
    return Way(one: Proxy.one, all: [Proxy.all], proxy: container) { try await container.removeContainer() }
  }
}
