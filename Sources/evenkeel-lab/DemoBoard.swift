import Lab
import SystemPackage

/// What the audience sees, and what the demo will be judged by.
actor DemoBoard {
  private let pods: [String]
  /// Seconds of the past that are taken for the present.
  private let window: Double
  private var screen = DemoScreen()
  private var start = ContinuousClock.now
  private var history: ShareHistory
  private var pending: [String: Int] = [:]
  private var goaways: GoawayCounts
  private var failedChecks: [String] = []
  private var checks = 0

  /// - Parameter socket: of the agent, whether one runs or not.
  init(pods: [String], window: Double, socket: String) {
    (self.pods, self.window) = (pods, window)
    goaways = GoawayCounts(socket: socket)
    history = ShareHistory(pods: pods)
  }

  private var now: Double { (ContinuousClock.now - start) / .seconds(1) }

  /// The story's time starts here.
  func begin() {
    start = .now
    history = ShareHistory(pods: pods)
    pending = [:]
  }

  /// Adds requests that were answered, by pod.
  func count(_ answers: [String: Int]) {
    pending.merge(answers, uniquingKeysWith: +)
  }

  /// Once a second until cancelled: a sample for the picture, and a fresh table.
  func tick() async throws {
    while true {
      try await Task.sleep(for: .seconds(1))
      // A copy, for the agent's answer is waited for.
      var goaways = goaways
      let placed = await goaways.next()
      self.goaways = goaways
      record(goaways: placed)
      screen.draw(table)
    }
  }

  private func record(goaways: [String: Int]) {
    history.record(pending, goaways: goaways, until: now)
    pending = [:]
  }

  /// Of the last seconds in which there were requests: between two acts, the end of the one before stays in sight.
  private var table: [String] {
    var lately = history
    lately.trimEnd()
    return ShareTable(
      pods: pods, recent: lately.counts(ofLast: window), seconds: min(window, lately.duration),
      totals: lately.counts(since: 0)
    ).lines
  }

  /// - Parameter event: how to mark it in the picture; nil: not at all.
  func say(_ act: String, _ text: String, event: String? = nil) {
    if let event { history.mark(event, at: now) }
    screen.say("\(act)  \(text)", keeping: table)
  }

  /// Without a terminal, the table is shown once in an act, at its end.
  func endAct() { screen.endAct(table) }

  func check(_ holds: Bool, _ what: String) {
    checks += 1
    guard !holds else { return }
    failedChecks.append(what)
    say(" ", "This should hold, and does not: \(what).")
  }

  func explainFailure(agentLog log: String) {
    guard !failedChecks.isEmpty, !log.isEmpty else { return }
    say(" ", "The agent's log:\n\(log)")
  }

  /// Whether the load is even now, by what was counted after a moment.
  func isEven(over pods: [String], since moment: ContinuousClock.Instant, tolerance: Double) -> Bool {
    guard history.duration - window >= (moment - start) / .seconds(1) else { return false }
    return Spread(history.counts(ofLast: window), over: pods).isEven(within: tolerance)
  }

  /// Writes the picture and gives the verdict.
  ///
  /// - Throws: `DemoFailure` if something did not hold.
  func finish(writing path: String) throws {
    history.trimEnd()
    let svg = SharePlot(history, title: "Who answers: each pod's share of the requests").svg
    let file = try FileDescriptor.open(
      FilePath(path), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    try file.closeAfter { _ = try file.writeAll(svg.utf8) }
    printLine("The picture: \(path)")
    guard failedChecks.isEmpty else { throw DemoFailure(failedChecks: failedChecks) }
    printLine("All \(checks) checks hold.")
  }
}

struct DemoFailure: Error, CustomStringConvertible {
  let failedChecks: [String]

  var description: String { "did not hold: " + failedChecks.joined(separator: "; ") }
}
