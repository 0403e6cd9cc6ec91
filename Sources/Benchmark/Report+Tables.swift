extension Report {
  /// A part of the report: a title, what it means for a user, and a table.
  public struct Section: Sendable {
    public let title: String
    public let meaning: String
    public let table: TextTable
  }

  /// All parts that there is something to say in.
  public var sections: [Section] {
    [load, latency, queueing, processor, connects, switching, programCosts, changes, agent, targets].filter {
      !$0.table.rows.isEmpty
    }
  }

  /// For a terminal.
  public var text: String {
    sections.map { "\n\($0.title)\n\n\($0.table.text)" }.joined() + "\n\(setting)\n"
  }

  /// For a document, between the two lines that mark where it stands in it.
  public var markdown: String {
    "\(setting)\n\n" + sections.map { "## \($0.title)\n\n\($0.meaning)\n\n\($0.table.markdown)\n" }.joined()
  }

  private var setting: String {
    let machine = self.machine
    let isWhole = contenders.contains { !$0.rounds.isEmpty } && !courses.isEmpty && !figures.isEmpty
    let kind =
      machine.isQuick ? "A quick run, whose figures are rough" : isWhole ? "A full run" : "A part of a full run"
    return """
      \(kind), of \(machine.date): \(machine.processor), \(machine.cores) cores, \(number(machine.memoryGiB)) GiB, \
      Linux \(machine.kernel); load average \(machine.loadBefore) before and \(machine.loadAfter) at the end; \
      \(machine.rounds) rounds, the contenders in turn; it took \(Int(machine.seconds)) s.
      """
  }

  /// For each measure what it is of the direct way, and the figure itself.
  private func section(_ title: String, _ meaning: String, _ measures: [Measure]) -> Section {
    let taken = measures.filter { measure in contenders.contains { $0.rounds[measure] != nil } }
    var table = TextTable(["contender"] + taken.flatMap { ["\($0.title): of direct", $0.unit] })
    if !taken.isEmpty { table.add(["direct"] + taken.flatMap { ["1", absolute(direct($0))] }) }
    for contender in contenders where taken.contains(where: { contender.rounds[$0] != nil }) {
      table.add([contender.name] + taken.flatMap { [cell(contender.ratio($0)), absolute(contender.summary($0))] })
    }
    return Section(title: title, meaning: meaning, table: table)
  }

  private func absolute(_ summary: Summary?) -> String { summary.map { number($0.median) } ?? "–" }

  private var load: Section {
    section(
      "Throughput",
      """
      One h2load and one server, the same for all: 8 connections with 8 requests at once for answers of 200 B and 100 kB, \
      4 with one at a time for 4 MB. Of each round the ratio to the direct way, which is measured by turns with it: the \
      median, with least and most. More is better: it is what is left of the machine for requests once the way has had \
      its part. "Direct, once more" is the same way between other pods: what it is off 1 is chance.
      """, [.small, .bulk, .large])
  }

  private var latency: Section {
    section(
      "One request at a time",
      """
      What a caller waits for, in microseconds, on a connection without anyone else; less is better. It is the way \
      itself: no queue anywhere.
      """, [.oneMedian, .oneTail])
  }

  private var queueing: Section {
    section(
      "64 requests at once",
      "The same on a busy machine, with its queues: 8 connections with 8 requests at once, as under Throughput.",
      [.smallMedian, .smallTail])
  }

  /// By process there are only the figures: what one pays for is the machine.
  private var processor: Section {
    let parts = [Measure.clientCPU, .serverCPU, .proxyCPU]
    var table = TextTable(["contender", "machine: of direct", "machine", "client", "server", "proxy"])
    if direct(.machineCPU) != nil {
      table.add(["direct", "1"] + ([.machineCPU] + parts).map { absolute(direct($0)) })
    }
    for contender in contenders where contender.rounds[.machineCPU] != nil {
      let figures = ([.machineCPU] + parts).map { absolute(contender.summary($0)) }
      table.add([contender.name, cell(contender.ratio(.machineCPU))] + figures)
    }
    return Section(
      title: "Processor time",
      meaning: """
        Seconds for a million small requests, which is what a cluster pays for: of the whole machine, and of the \
        processes by their cgroups. What BPF programs and rules take is in the time of those whose packets they look at.
        """, table: table)
  }

  private var connects: Section {
    section(
      "Connections",
      """
      Connect, one request, close, one after the other to three pods: the only thing that choosing an endpoint makes \
      slower. Clients that connect for each request see this figure; gRPC clients hardly ever. With 10,000 Services, \
      iptables looks through a list for each new connection.
      """, [.exchanges, .exchangeMedian])
  }

  /// By load, what is left with each kind of programs.
  public static func switchingTable(_ switched: [Contender]) -> TextTable {
    var table = TextTable(["load"] + switched.flatMap { ["\($0.name): per s", "processor time"] })
    let measures: [(rate: Measure, time: Measure)] = [
      (.small, .smallCPU), (.bulk, .bulkCPU), (.large, .largeCPU), (.exchanges, .exchangeCPU),
    ]
    for (rate, time) in measures where switched.contains(where: { $0.rounds[rate] != nil }) {
      table.add([rate.title] + switched.flatMap { [cell($0.estimate(rate)), cell($0.estimate(time))] })
    }
    return table
  }

  private var switching: Section {
    Section(
      title: "Programs switched on and off",
      meaning: """
        What the programs cost, by the best measure: they are attached and taken away again, \
        \(switched.first?.rounds[.small]?.count ?? 0) times, around one and the same server, with it and its client on \
        one processor, so that the one slows down the other. Of what there is without any programs: the median, and its \
        standard error. No program can do better than empty ones.
        """, table: Self.switchingTable(switched))
  }

  private var programCosts: Section {
    var table = TextTable(["with", "program", "runs", "ns a run", "runs a request", "ns a request"])
    for program in programs {
      table.add([
        program.contender, program.name, number(Double(program.runs)), number(program.nanosecondsPerRun),
        number(program.runsPerRequest), number(program.nanosecondsPerRun * program.runsPerRequest),
      ])
    }
    return Section(
      title: "The BPF programs",
      meaning: """
        As the kernel counts them (BPF_STATS_RUN_TIME) during small requests and connects, in a run of its own: the \
        counting takes time itself, some 20 to 50 ns a run, which is part of these figures. `connect4` runs once for a \
        connection; `track` for each packet that a process sends; `heed_goaway` for each that it gets.
        """, table: table)
  }

  private var changes: Section {
    var phases: [String] = []
    for phase in courses.flatMap(\.phases) where !phases.contains(phase.title) { phases.append(phase.title) }
    var table = TextTable(["contender", "busiest pod : mean"] + phases.map { "failed: \($0)" })
    for course in courses {
      let evenness = course.afterScaleUp.map { "\(number($0.median)) (\(number($0.least))–\(number($0.most)))" }
      let failed = phases.map { title in
        course.phases.first { $0.title == title }.map {
          "\(number(Double($0.failed))) of \(number(Double($0.answered + $0.failed)))"
        }
      }
      table.add([course.contender, evenness ?? "–"] + failed.map { $0 ?? "–" })
    }
    return Section(
      title: "Pods that come and go",
      meaning: """
        gRPC clients (grpcio) of which a few call more often than most, while 3 pods become 6 and then 3 of them are \
        replaced. The evenness is that of the seconds from one drain interval (2 s) after the scale-up on: 1 is even; 2 \
        means that the busiest of 6 pods, which decides how many pods are needed, does twice its share. Failed: calls \
        that ended with anything but the right answer.
        """, table: table)
  }

  private var agent: Section {
    var table = TextTable(["what", "figure", "target"])
    for figure in figures {
      table.add([figure.title, "\(number(figure.value)) \(figure.unit)", figure.target?.description ?? "–"])
    }
    return Section(
      title: "The agent",
      meaning: "What a node pays for it, and how fast it is where there is much to do at once.", table: table)
  }

  private var targets: Section {
    var table = TextTable(["target", "figure", "wanted", "direct to itself", ""])
    for verdict in verdicts {
      let figure = verdict.unit.hasPrefix("of ") ? thousandths(verdict.value, verdict.error) : number(verdict.value)
      table.add([
        verdict.title, verdict.unit.isEmpty ? figure : "\(figure) \(verdict.unit)", verdict.target.description,
        verdict.noise.map(range) ?? "–", verdict.isMet ? "met" : "MISSED",
      ])
    }
    return Section(
      title: "Targets",
      meaning: """
        What Evenkeel should reach, and whether it did in this run. Beside each ratio stands what the direct way was of \
        itself in the rounds of this run: a ratio within that range is not told from 1. What was switched on and off has \
        its standard error instead.
        """, table: table)
  }
}

// Ratios are in thousandths: most targets are two hundredths from 1.

private func cell(_ ratio: Summary?) -> String { ratio.map { "\(thousandths($0.median)) (\(range($0)))" } ?? "–" }

private func range(_ ratio: Summary) -> String { "\(thousandths(ratio.least))–\(thousandths(ratio.most))" }

private func cell(_ ratio: Estimate?) -> String { ratio.map { thousandths($0.median, $0.error) } ?? "–" }

private func thousandths(_ value: Double, _ error: Double?) -> String {
  thousandths(value) + (error.map { " ± \(thousandths($0))" } ?? "")
}

private func thousandths(_ value: Double) -> String {
  guard value.isFinite else { return "?" }
  let thousandths = Int((value * 1000).rounded())
  return "\(thousandths / 1000)." + String(String(1000 + abs(thousandths) % 1000).dropFirst())
}

/// A document whose middle is written by a program, and the rest by people.
public struct MarkedDocument: Sendable {
  public static let begin = "<!-- figures: begin -->"
  public static let end = "<!-- figures: end -->"

  public let text: String

  public init(_ text: String) { self.text = text }

  /// The document with other figures; nil where it has not both marks, each once and in order.
  public func replacingFigures(_ figures: String) -> String? {
    let head = text.split(separator: Self.begin, omittingEmptySubsequences: false)
    guard head.count == 2 else { return nil }
    let tail = head[1].split(separator: Self.end, omittingEmptySubsequences: false)
    guard tail.count == 2 else { return nil }
    return head[0] + "\(Self.begin)\n\n\(figures)\n\(Self.end)" + tail[1]
  }
}
