/// What real clients were seen to do when their connections are drained, as a document.
public struct ClientMatrix: Sendable {
  /// Clients of one kind while each of their connections was drained again and again.
  public struct Run: Sendable {
    /// What the clients say.
    public var report: LoadReport
    /// What was on the wire.
    public var drains: DrainSummary
    /// What the agent has counted, or, without one, what was on the wire.
    public var goaways: Int

    public init(report: LoadReport, drains: DrainSummary, goaways: Int) {
      (self.report, self.drains, self.goaways) = (report, drains, goaways)
    }

    public var requests: Int { report.ok + report.failed }
  }

  /// What a client leaves to others, and what to do about it.
  public struct Hand: Sendable {
    /// A paragraph: what it does, and what to set.
    public var advice: String
    /// The end of "With …": what was done for `remedied`.
    public var remedy: String
    public var remedied: Run
    /// With servers that have a maximum connection age themselves, and no agent; nil: not asked.
    public var withoutAgent: Run?

    public init(advice: String, remedy: String, remedied: Run, withoutAgent: Run?) {
      (self.advice, self.remedy, self.remedied, self.withoutAgent) = (advice, remedy, remedied, withoutAgent)
    }
  }

  public struct Row: Sendable {
    public var name: String
    public var version: String
    public var run: Run
    /// False of a program that ends with its connection.
    public var livesOn: Bool
    /// The rest of a sentence that begins with its name; nil: nothing to say.
    public var remark: String?
    public var hand: Hand?

    public init(
      name: String, version: String, run: Run, livesOn: Bool = true, remark: String? = nil, hand: Hand? = nil
    ) {
      (self.name, self.version, self.run, self.livesOn) = (name, version, run, livesOn)
      (self.remark, self.hand) = (remark, hand)
    }
  }

  private static let longestList = 8

  public var rows: [Row]
  /// As `uname -r` prints it.
  public var kernel: String
  /// How it was measured: a paragraph.
  public var setting: String

  public init(rows: [Row], kernel: String, setting: String) {
    (self.rows, self.kernel, self.setting) = (rows, kernel, setting)
  }

  /// Clients that lost requests, although nothing was known to be wrong with them, or although it was remedied.
  public var surprises: [String] {
    rows.filter { ($0.hand?.remedied ?? $0.run).report.failed > 0 }.map(\.name)
  }

  /// The whole document.
  public var markdown: String {
    (["# What clients do with a GOAWAY", introduction, requests, calls, reconnecting, closing] + hands).joined(
      separator: "\n\n") + "\n"
  }

  private var introduction: String {
    """
    Written by `sudo scripts/clients` from what it saw, on Linux \(kernel). \(setting)
    """
  }

  // MARK: A table for each concern

  private var requests: String {
    """
    ## Requests

    A request has failed if its caller was told anything but the right answer. "With a hand" is what the last section \
    says to do.

    \(table(["client", "version", "GOAWAYs", "requests", "failed", "failed with a hand"]) { row in
      [
        row.version, "\(row.run.goaways)", "\(row.run.requests)", "\(row.run.report.failed)",
        row.hand.map { "\($0.remedied.report.failed) of \($0.remedied.requests)" } ?? "–",
      ]
    })
    """
  }

  private var calls: String {
    """
    ## Calls in flight

    What was open on a connection when its GOAWAY passed, and what the client began on it before it knew: answered, of \
    all. Calls that a client fails by itself, before anything is on the wire, are not here, but above.

    \(table(["client", "unary calls", "long streams", "begun meanwhile"]) { row in
      [row.run.drains.unary, row.run.drains.streams, row.run.drains.crossing].map(\.text)
    })
    """ + remarks
  }

  private var remarks: String {
    rows.compactMap { row in row.remark.map { "\n\n\(row.name) \($0)" } }.joined()
  }

  private var reconnecting: String {
    """
    ## Reconnecting

    From the GOAWAY on the wire to the new connection's SYN, and to the first answer on it, in milliseconds. Most \
    clients wait with that for their next call; here one begins every 60 ms or so.

    \(table(["client", "SYN, median", "longest", "answer, median", "longest", "did not"]) { row in
      guard row.livesOn else { return Array(repeating: "–", count: 5) }
      let drains = row.run.drains
      return drains.connecting.columns + drains.answering.columns + ["\(drains.staysAway)"]
    })
    """
  }

  private var closing: String {
    """
    ## The drained connection

    When its last stream has ended, a client should close it. How many connections it closed, how soon in \
    milliseconds, and how many it left open for more than a second.

    \(table(["client", "closed", "median", "longest", "left open"]) { row in
      let drains = row.run.drains
      return ["\(drains.closedByClient)"] + drains.closing.columns + ["\(drains.leftOpen)"]
    })
    """
  }

  /// - Parameter cells: all of a row but the name of the client.
  private func table(_ heading: [String], _ cells: (Row) -> [String]) -> String {
    let rule = "|" + heading.map { _ in "---|" }.joined()
    let lines = [heading] + rows.map { [$0.name] + cells($0) }
    var texts = lines.map { "| " + $0.joined(separator: " | ") + " |" }
    texts.insert(rule, at: 1)
    return texts.joined(separator: "\n")
  }

  // MARK: Clients that need a hand

  private var hands: [String] {
    let needing = rows.filter { $0.hand != nil || $0.run.report.failed > 0 }
    guard !needing.isEmpty else { return [] }
    return ["## Clients that need a hand"] + needing.flatMap(paragraphs)
  }

  private func paragraphs(_ row: Row) -> [String] {
    var list = [figures("As it is", row.run)]
    if let run = row.hand?.withoutAgent {
      list.append(figures("Without an agent, with servers that have a maximum connection age of their own", run))
    }
    if let hand = row.hand { list.append(figures("With \(hand.remedy)", hand.remedied)) }
    let title = ["### \(row.name)"]
    return title + (row.hand.map { [$0.advice] } ?? []) + [list.joined(separator: "\n")]
  }

  /// A line of figures, and the failures by their texts.
  private func figures(_ title: String, _ run: Run) -> String {
    let sum = "\(run.requests) requests, \(run.goaways) GOAWAYs, \(run.report.failed) failed"
    let open = [
      (run.drains.closedByServer, "closed from the server's side"), (run.drains.leftOpen, "left open"),
    ].filter { $0.0 > 0 }.map { ", \($0.0) drained connections \($0.1)" }.joined()
    return (["- \(title): \(sum)\(open)"] + failures(run.report.errors)).joined(separator: "\n")
  }

  /// A line for each text, the most frequent first; one for all that are beyond what somebody reads.
  private func failures(_ errors: [String: Int]) -> [String] {
    let sorted = errors.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let lines = sorted.prefix(Self.longestList).map { "  - \($0.value) × `\($0.key)`" }
    let others = sorted.dropFirst(Self.longestList).map(\.value).reduce(0, +)
    return lines + (others > 0 ? ["  - \(others) with other texts"] : [])
  }
}

extension DrainSummary.Outcome {
  fileprivate var text: String { answered + lost == 0 ? "–" : "\(answered) of \(answered + lost)" }
}

extension DrainSummary.Times? {
  /// The cells of a table: median, longest.
  fileprivate var columns: [String] { self.map { [short($0.median), short($0.longest)] } ?? ["–", "–"] }
}

/// With one decimal below 10, where it says something.
private func short(_ milliseconds: Double) -> String {
  milliseconds < 10 ? "\((milliseconds * 10).rounded() / 10)" : "\(Int(milliseconds.rounded()))"
}
