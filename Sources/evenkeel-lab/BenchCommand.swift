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

  @Option(help: "The evenkeel binary, built for release.")
  var agent: String = Executables.beside("evenkeel")

  @Option(help: "A Python with the packages of Tests/Peers.")
  var python = ".build/venv/bin/python"

  @Option(help: "Where the peers' sources are.")
  var peers = "Tests/Peers"

  @Option(help: "The envoy binary.")
  var envoy = ".build/venv/bin/envoy"

  @Flag(help: "In two minutes instead of ten; figures are rough.")
  var quick = false

  @Flag(
    name: .customLong("guard"),
    help: "Only compare small requests, direct and spread, and fail if spreading costs more than a fifth.")
  var isGuard = false

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
    if let document, try replaced(document, with: "") == nil {
      throw ValidationError("--document: \(document) has not the marks \(MarkedDocument.begin), \(MarkedDocument.end)")
    }
  }

  func run() async throws {
    let settings = BenchSettings(agent: agent, python: python, peers: peers, envoy: envoy, isQuick: quick)
    guard !isGuard else { return try await cancelledBySignals { try await RegressionGuard(settings: settings).run() } }
    let (json, svg, document) = (json, svg, document)
    try await cancelledBySignals {
      let report = try await Bench(settings: settings).run()
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

  static let contenders: [any Contender] =
    [
      Direct(), HooksOnly(), Evenkeel(mode: .spread), Evenkeel(mode: .balance),
      KubeProxyRules(rules: .iptables, services: 1),
      KubeProxyRules(rules: .nftables, services: 1), KubeProxyRules(rules: .iptables, services: 10_000),
      KubeProxyRules(rules: .nftables, services: 10_000),
    ] + Proxy.allCases.map { Sidecar(proxy: $0) }

  func run() async throws -> Report {
    let start = monotonicSeconds()
    var report = Report(
      machine: try .current(rounds: settings.rounds, isQuick: settings.isQuick),
      contenders: Self.contenders.map { .init(id: $0.id, name: $0.name, isOurs: $0.isOurs) })
    let starts = try await load(&report)
    for contender in CourseTrial.Contender.allCases {
      say("gRPC clients: \(contender.name)")
      report.courses.append(try await CourseTrial(settings: settings, contender: contender).run())
    }
    say("crowds of connections")
    report.figures = try agentFigures(starts)
    report.figures += try await CrowdTrial(settings: settings).draining()
    report.figures += try await CrowdTrial(settings: settings).tracking()
    report.machine.loadAfter = try Report.Machine.loadAverage()
    report.machine.seconds = monotonicSeconds() - start
    return report
  }

  /// All contenders in turn, again and again; the first is another one in each round.
  ///
  /// - Returns: how many seconds agents took to be ready.
  private func load(_ report: inout Report) async throws -> [Double] {
    try await withLab(kubeProxy: false, objects: .manifests) { lab in
      let stage = try await BenchStage(lab, settings)
      var starts: [Double] = []
      for round in 0..<settings.rounds {
        for offset in Self.contenders.indices {
          let index = (round + offset) % Self.contenders.count
          let contender = Self.contenders[index]
          say("round \(round + 1) of \(settings.rounds): \(contender.name)")
          let turn = try await BenchTurn(stage: stage, contender: contender).run()
          report.contenders[index].record(turn.measures)
          starts += [turn.way.agentStart].compactMap(\.self)
        }
      }
      for mode in [Evenkeel.Mode.spread, .balance] {
        report.programs += try await ProgramTrial(stage: stage, contender: Evenkeel(mode: mode)).run()
      }
      return starts
    }
  }

  private func agentFigures(_ starts: [Double]) throws -> [Report.Figure] {
    let bytes = try FileManager.default.attributesOfItem(atPath: settings.agent)[.size] as? Int
    return [
      .init("size of the binary", bytes.map { Double($0) / 1e6 } ?? .nan, "MB", .atMost(30)),
      .init("from its start until it is ready", (Summary(starts)?.median ?? .nan) * 1000, "ms", .atMost(300)),
    ]
  }

  /// What goes on, as it takes minutes.
  private func say(_ text: String) { printLine(text) }
}

/// A ratio within one run, with much room: it finds what makes requests wait, and no machine is too slow for it.
private struct RegressionGuard {
  let settings: BenchSettings

  private static let rounds = 5
  private static let milliseconds = 300
  private static let least = 0.8

  /// - Throws: `TrialFailure` with both rates.
  func run() async throws {
    let contenders: [any Contender] = [Direct(), Evenkeel(mode: .spread), Evenkeel(mode: .balance)]
    let best = try await withLab(kubeProxy: false, objects: .manifests) { lab in
      let stage = try await BenchStage(lab, settings)
      var best = contenders.map { _ in 0.0 }
      for _ in 0..<Self.rounds {
        for (index, contender) in contenders.enumerated() {
          let rate = try await BenchTurn.with(contender, on: stage) { way in
            try await stage.h2load(way.one, "small", clients: 8, streams: 8, milliseconds: Self.milliseconds)
              .requestsPerSecond
          }
          // The best of each: whatever else the machine does can only take from it.
          best[index] = max(best[index], rate)
        }
      }
      return best
    }
    for (contender, rate) in zip(contenders, best) {
      let line = "\(contender.name): \(number(rate)) small requests per s, \(number(rate / best[0])) of direct"
      printLine(line)
      guard rate >= best[0] * Self.least else {
        throw TrialFailure("\(line); at least \(Self.least) was expected")
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
