import ArgumentParser
import Balancing
import Draining
import FoundationEssentials
import Glibc
import Simulation
import SystemPackage

struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "Simulates a cluster of any size with the agent's own decisions.",
    discussion: """
      In virtual time: a clock, sockets and the kernel play no part. Pods are added in the middle of the run, and all \
      are replaced from three quarters on. The same flags print the same figures. See docs/SIMULATION.md. Durations \
      are written as 500ms, 90s, 10m, 1h30m.
      """)

  @Option(help: "Nodes, each with an agent of its own.")
  var nodes = Scenario().nodes

  @Option(help: "Services; pods and clients are shared out among them.")
  var services = Scenario().services

  @Option(help: "Pods of all Services together.")
  var pods = Scenario().pods

  @Option(help: "How many pods there are after the scale-up. (default: half as many again)")
  var scaleTo: Int?

  @Option(help: "Clients of all Services together, with one connection each.")
  var clients = Scenario().clients

  @Option(
    help: "How much clients send, compared with each other: even, lognormal or zipf. (default: even)",
    transform: Self.choice)
  var profile = LoadProfile.even

  @Option(help: ArgumentHelp("How many percent of the clients do everything on one long stream.", valueName: "percent"))
  var streaming = 0.0

  @Option(
    help: ArgumentHelp(
      "How long such a stream is on average. (default: \(Scenario().streamLength.goText))", valueName: "duration"),
    transform: Self.duration)
  var streamLength = Scenario().streamLength

  @Option(
    help: ArgumentHelp("How long the run is. (default: \(Scenario().length.goText))", valueName: "duration"),
    transform: Self.duration)
  var length = Scenario().length

  @Option(help: "Where random numbers begin.")
  var seed = Scenario().seed

  @Option(help: "Runs of each setting, with one seed after the other.")
  var runs = 3

  @Option(
    help: "How an endpoint is chosen: least-connections, random or maglev. (default: least-connections)",
    transform: Self.choice)
  var policy = Policy.leastConnections

  @Option(
    help: ArgumentHelp(
      "The agent's flag of this name. (default: \(DrainSettings().interval.goText))", valueName: "duration"),
    transform: Self.duration)
  var drainInterval = DrainSettings().interval

  @Option(help: ArgumentHelp("The agent's flag of this name.", valueName: "percent"))
  var drainJitter = DrainSettings().jitterPercent

  @Option(help: ArgumentHelp("The agent's flag of this name.", valueName: "percent"))
  var drainPace = DrainSettings().pacePercent

  @Option(
    help: ArgumentHelp(
      "The agent's flag of this name. (default: \(DrainSettings().rebalanceWindow.goText))", valueName: "duration"),
    transform: Self.duration)
  var rebalanceWindow = DrainSettings().rebalanceWindow

  @Option(
    help: ArgumentHelp(
      """
      What to compare: policy, candidates, interval, jitter, pace, rebalance, or several with commas; all \
      (the default); or none.
      """, valueName: "list"), transform: Self.axes)
  var compare = Axis.allCases

  @Option(help: "Where to draw the first runs; empty: nowhere.")
  var svg = "evenkeel-simulation.svg"

  func validate() throws {
    func require(_ condition: Bool, _ message: String) throws {
      guard condition else { throw ValidationError(message) }
    }
    try require((1...100_000).contains(nodes), "--nodes: expected 1 to 100000, found \(nodes)")
    try require((1...1_000_000).contains(pods), "--pods: expected 1 to 1000000, found \(pods)")
    try require(
      (1...pods).contains(services), "--services: expected 1 to as many as there are pods, found \(services)")
    try require(
      (pods...2_000_000).contains(podsAfterScaleUp), "--scale-to: expected --pods or more, found \(podsAfterScaleUp)")
    try require((1...10_000_000).contains(clients), "--clients: expected 1 to 10000000, found \(clients)")
    try require((0...100).contains(streaming), "--streaming: expected a percentage from 0 to 100, found \(streaming)")
    try require((1...1000).contains(runs), "--runs: expected 1 to 1000, found \(runs)")
    try require(streamLength > .zero, "--stream-length: expected a time above 0s")
    try require(
      length >= .seconds(120) && length <= .seconds(86_400), "--length: expected 2m to 24h, found \(length.goText)")
    try require(
      (0...100).contains(drainJitter), "--drain-jitter: expected a percentage from 0 to 100, found \(drainJitter)")
    try require(
      drainPace > 0 && drainPace <= 100, "--drain-pace: expected a percentage above 0, to 100, found \(drainPace)")
    try validatePicture()
  }

  /// Known before the run: it may take minutes.
  private func validatePicture() throws {
    let folder = FilePath(svg).removingLastComponent()
    guard svg.isEmpty || access(folder.isEmpty ? "." : folder.string, W_OK) == 0 else {
      throw ValidationError("--svg: expected a file in a folder that can be written to, found \(svg)")
    }
  }

  func run() async throws {
    let table = FigureTable()
    var rows: [(comparison: Comparison, histories: [History])] = []
    printLine("\(scenario(run: 0).summary); \(runs) runs of \(length.goText) from seed \(seed) on")
    for comparison in comparisons {
      printLine("")
      for line in table.heading(comparison.title) { printLine(line) }
      var histories: [History] = []
      for setting in comparison.settings {
        let runs = (0..<runs).map { run in
          let scenario = scenario(run: run)
          let history = simulate(scenario, setting)
          if run == 0 { histories.append(history) }
          return Figures(history, of: scenario)
        }
        if let figures = Figures(runs) { printLine(table.line(setting, figures)) }
      }
      rows.append((comparison, histories))
    }
    guard !svg.isEmpty else { return }
    try HistoryPlot(scenario(run: 0), rows).svg.write(toFile: svg, atomically: true, encoding: .utf8)
    printLine("\ndrawn in \(svg)")
  }

  private var podsAfterScaleUp: Int { scaleTo ?? pods + pods / 2 }

  private func scenario(run: Int) -> Scenario {
    Scenario(
      nodes: nodes, services: services, pods: pods, podsAfterScaleUp: podsAfterScaleUp, clients: clients,
      profile: profile, streamingPercent: streaming, streamLength: streamLength, length: length,
      seed: seed &+ UInt64(run))
  }

  private var comparisons: [Comparison] {
    let base = Setting(
      "as given", policy: policy,
      drain: DrainSettings(
        interval: drainInterval, jitterPercent: drainJitter, pacePercent: drainPace, rebalanceWindow: rebalanceWindow))
    return compare.isEmpty ? [Comparison("setting", [base])] : compare.map { $0.comparison(around: base) }
  }

  private static func duration(_ text: String) throws -> Duration {
    guard let duration = Duration(goText: text) else {
      throw ValidationError("'\(text)' is no duration, as 90s or 10m")
    }
    return duration
  }

  private static func axes(_ text: String) throws -> [Axis] {
    switch text {
    case "all": return Axis.allCases
    case "none": return []
    default:
      return try text.split(separator: ",").map { try choice(String($0)) }
    }
  }

  private static func choice<Value: RawRepresentable<String> & CaseIterable>(_ text: String) throws -> Value {
    guard let value = Value(rawValue: text) else {
      throw ValidationError("'\(text)' is none of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return value
  }
}
