import ArgumentParser
import Benchmark
import FoundationEssentials
import Glibc
import Lab

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures evenkeel side by side with what else there is.",
    discussion: """
      To be run by scripts/bench, which builds and installs what it takes, from the project's folder. Needs root. \
      Figures of this machine, not tests: nothing fails but what cannot be measured, and --guard.
      """)

  @Option(help: "The evenkeel binary, as it is shipped: built for release, and stripped.")
  var agent: String = Executables.beside("evenkeel")

  @Option(help: "A Python with the packages of Tests/Peers.")
  var python = ".build/venv/bin/python"

  @Option(help: "Where the peers' sources are.")
  var peers = "Tests/Peers"

  @Option(help: "The haproxy binary.")
  var haproxy = "haproxy"

  @Option(help: "The nginx binary.")
  var nginx = "nginx"

  @Option(help: "The envoy binary.")
  var envoy = ".build/venv/bin/envoy"

  @Flag(help: "In two minutes instead of ten; figures are rough.")
  var quick = false

  @Flag(
    name: .customLong("guard"),
    help: "Only compare small requests, direct and spread, and fail if spreading costs more than a fifth.")
  var isGuard = false

  enum Part: String, CaseIterable, ExpressibleByArgument {
    case load, courses, crowds
  }

  @Option(help: "Only a part of it.")
  var only: Part?

  @Option(help: "Where to write all figures.")
  var json = "benchmark.json"

  @Option(help: "Where to draw the most important ones.")
  var svg = "benchmark.svg"

  @Option(help: "A document in which to replace the figures; there are marks for where they stand.")
  var document: String?

  func validate() throws {
    guard access(agent, X_OK) == 0 else { throw ValidationError("--agent: \(agent) cannot be run") }
    guard !isGuard else { return }
    guard access(python, X_OK) == 0 else { throw ValidationError("--python: \(python) cannot be run") }
    guard access(envoy, X_OK) == 0 else {
      throw ValidationError("--envoy: \(envoy) cannot be run: use scripts/bench, which installs it")
    }
    if only != nil, document != nil { throw ValidationError("--document: a part is not what it is to hold") }
    if let document, try replaced(document, with: "") == nil {
      throw ValidationError("--document: \(document) has not the marks \(MarkedDocument.begin), \(MarkedDocument.end)")
    }
  }

  func run() async throws {
    let settings = BenchSettings(
      agent: agent, python: python, peers: peers, haproxy: haproxy, nginx: nginx,
      envoy: envoy, isQuick: quick)
    guard !isGuard else { return try await cancelledBySignals { try await RegressionGuard(settings: settings).run() } }
    let (json, svg, document, parts) = (json, svg, document, only.map { [$0] } ?? Part.allCases)
    try await cancelledBySignals {
      let report = try await Bench(settings: settings).run(parts)
      printText(report.text)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      try encoder.encode(report).write(to: URL(filePath: json))
      try Plot(report).svg.write(toFile: svg, atomically: true, encoding: .utf8)
      printLine("written: \(json), \(svg)")
      if let document, let text = try replaced(document, with: report.markdown) {
        try text.write(toFile: document, atomically: true, encoding: .utf8)
        printLine("written: \(document)")
      }
    }
  }
}

private func replaced(_ document: String, with figures: String) throws -> String? {
  MarkedDocument(try String(contentsOfFile: document, encoding: .utf8)).replacingFigures(figures)
}

/// The whole of it.
struct Bench {
  let settings: BenchSettings
  private let start = ContinuousClock.now

  init(settings: BenchSettings) { self.settings = settings }

  static let contenders: [any Contender] =
    [
      Direct(name: "direct, once more"), HooksOnly(), Evenkeel(mode: .spread), Evenkeel(mode: .balance),
      KubeProxyRules(rules: .iptables, services: 1),
      KubeProxyRules(rules: .nftables, services: 1), KubeProxyRules(rules: .iptables, services: 10_000),
      KubeProxyRules(rules: .nftables, services: 10_000),
    ] + Proxy.allCases.map { Sidecar(proxy: $0) }

  func run(_ parts: [BenchCommand.Part]) async throws -> Report {
    var report = Report(
      machine: try .current(rounds: settings.rounds, isQuick: settings.isQuick),
      contenders: Self.contenders.map { .init(id: $0.id, name: $0.name, isOurs: $0.isOurs) })
    for part in parts {
      switch part {
      case .load:
        report.figures = try agentFigures(try await load(&report))
        guard settings.switchings > 0 else { continue }
        say("programs switched on and off")
        report.switched = try await HookMeasurements(rounds: settings.switchings).run()
      case .courses:
        report.courses = try await courses()
      case .crowds:
        say("crowds of connections")
        report.figures += try await CrowdTrial(settings: settings).draining()
        report.figures += try await CrowdTrial(settings: settings).tracking()
      }
    }
    report.machine.loadAfter = try Report.Machine.loadAverage()
    report.machine.seconds = (ContinuousClock.now - start) / .seconds(1)
    return report
  }

  /// All contenders in turn, again and again; the first is another one in each round.
  ///
  /// - Returns: how many seconds agents took to be ready.
  private func load(_ report: inout Report) async throws -> [Double] {
    try await withLab(kubeProxy: false, objects: .manifests) { lab in
      say("nodes, and rules of 10,000 Services")
      let stage = try await BenchStage(lab, settings, on: lab.addNode())
      let standing = try await standing(in: lab)
      let reference = try await BenchStage(lab, settings, on: lab.nodes[0])
      let direct = BenchTurn.Side(stage: reference, way: try await Direct().setUp(on: reference))
      var starts: [Double] = []
      for round in 0..<settings.rounds {
        say("round \(round + 1) of \(settings.rounds)")
        for offset in Self.contenders.indices {
          let index = (round + offset) % Self.contenders.count
          let contender = Self.contenders[index]
          func run(_ own: BenchTurn.Side) async throws {
            let turn = BenchTurn(
              direct: direct, own: own, loads: contender.loads, slices: settings.slices(of: contender))
            let (figures, beside) = try await turn.run()
            report.contenders[index].record(figures, beside: beside)
            starts += [own.way.agentStart].compactMap(\.self)
          }
          try await reference.renewServers()
          try await (standing[contender.id]?.stage ?? stage).renewServers()
          if let side = standing[contender.id] {
            try await run(side)
          } else {
            try await BenchTurn.with(contender, on: stage) { try await run(.init(stage: stage, way: $0)) }
          }
        }
      }
      for mode in [Evenkeel.Mode.spread, .balance] {
        report.programs += try await ProgramTrial(stage: stage, contender: Evenkeel(mode: mode)).run()
      }
      return starts
    }
  }

  /// Those that stay in force, each on a node of its own, by contender.
  private func standing(in lab: Cluster) async throws -> [String: BenchTurn.Side] {
    var sides: [String: BenchTurn.Side] = [:]
    for contender in Self.contenders where contender.isStanding {
      let stage = try await BenchStage(lab, settings, on: lab.addNode())
      sides[contender.id] = .init(stage: stage, way: try await contender.setUp(on: stage))
    }
    return sides
  }

  /// Some at the same time, each in a lab of its own: calls are counted, not timed.
  private func courses() async throws -> [Report.Course] {
    var courses: [Report.Course] = []
    let (all, together) = (CourseTrial.Contender.allCases, settings.course.together)
    for start in stride(from: 0, to: all.count, by: together) {
      let some = all[start..<min(start + together, all.count)]
      say("gRPC clients: \(some.map(\.name).joined(separator: "; "))")
      courses += try await withThrowingTaskGroup { group in
        for contender in some {
          group.addTask { (contender, try await CourseTrial(settings: settings, contender: contender).run()) }
        }
        let ended = try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        return some.compactMap { ended[$0] }
      }
    }
    return courses
  }

  private func agentFigures(_ starts: [Double]) throws -> [Report.Figure] {
    let bytes = try FileManager.default.attributesOfItem(atPath: settings.agent)[.size] as? Int
    return [
      .init("size of the binary", bytes.map { Double($0) / 1e6 } ?? .nan, "MB", .atMost(30)),
      .init("from its start until it is ready", (Summary(starts)?.median ?? .nan) * 1000, "ms", .atMost(300)),
    ]
  }

  /// What goes on, as it takes minutes.
  private func say(_ text: String) {
    let seconds = Int((ContinuousClock.now - start) / .seconds(1))
    printLine("\(String(repeating: " ", count: max(0, 4 - String(seconds).count)))\(seconds) s: \(text)")
  }
}

/// A ratio within one run, with much room: it finds what makes requests wait, and no machine is too slow for it.
private struct RegressionGuard {
  let settings: BenchSettings

  private static let slices = 9
  private static let least = 0.8

  /// - Throws: `TrialFailure` with the ratio.
  func run() async throws {
    try await withLab(kubeProxy: false, objects: .manifests) { lab in
      let reference = try await BenchStage(lab, settings, on: lab.nodes[0])
      let stage = try await BenchStage(lab, settings, on: lab.addNode())
      let direct = BenchTurn.Side(stage: reference, way: try await Direct().setUp(on: reference))
      let contenders: [any Contender] = [Direct(), Evenkeel(mode: .spread), Evenkeel(mode: .balance)]
      for contender in contenders {
        for side in [reference, stage] { try await side.renewServers() }
        let (own, beside) = try await BenchTurn.with(contender, on: stage) { way in
          try await BenchTurn(
            direct: direct, own: .init(stage: stage, way: way), loads: [.small], slices: Self.slices
          ).run()
        }
        guard let rate = own[.small], let base = beside[.small], base > 0 else { continue }
        let line = "\(contender.name): \(number(rate)) small requests per s, \(number(rate / base)) of direct"
        printLine(line)
        guard rate >= base * Self.least || contender.id == Report.control else {
          throw TrialFailure("\(line); at least \(Self.least) was expected")
        }
      }
    }
  }
}

extension Report.Machine {
  fileprivate static func current(rounds: Int, isQuick: Bool) throws -> Report.Machine {
    func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    func field(_ name: String, _ text: String) -> String? {
      text.split(separator: "\n").first { $0.hasPrefix(name) }?.split(separator: ":", maxSplits: 1).last.map {
        String($0.trimmingPrefix { $0.isWhitespace })
      }
    }
    let kilobytes = try field("MemTotal", text("/proc/meminfo")).flatMap {
      Double($0.prefix { $0.isNumber })
    }
    return Report.Machine(
      processor: try field("model name", text("/proc/cpuinfo")) ?? "unknown processor",
      cores: ProcessInfo.processInfo.activeProcessorCount, memoryGiB: (kilobytes ?? .nan) / 1024 / 1024,
      kernel: String(try text("/proc/sys/kernel/osrelease").prefix { !$0.isNewline }),
      date: Date.now.formatted(.iso8601.year().month().day()), loadBefore: try loadAverage(), rounds: rounds,
      isQuick: isQuick)
  }

  fileprivate static func loadAverage() throws -> Double {
    let text = try String(contentsOfFile: "/proc/loadavg", encoding: .utf8)
    return Double(text.prefix { $0 != " " }) ?? .nan
  }
}
