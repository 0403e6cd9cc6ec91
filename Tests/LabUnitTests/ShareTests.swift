import Testing

@testable import Lab

@Suite("Shares of the load")
struct ShareTests {
  @Test("Busiest and idlest are over the mean, and a pod that gets nothing counts")
  func spread() {
    let spread = Spread(["a": 30, "b": 10], over: ["a", "b", "c", "d"])
    #expect(spread.counts == [30, 10, 0, 0])
    #expect(spread.shares == [0.75, 0.25, 0, 0])
    #expect(spread.busiest == 3 && spread.idlest == 0)
    #expect(!spread.isEven(within: 0.9))
  }

  @Test("Even means that nobody is too far from the mean, on either side")
  func even() {
    #expect(Spread(["a": 15, "b": 5], over: ["a", "b"]).isEven(within: 0.5))
    #expect(!Spread(["a": 16, "b": 4], over: ["a", "b"]).isEven(within: 0.5))
    #expect(!Spread(["a": 14, "b": 14, "c": 2], over: ["a", "b", "c"]).isEven(within: 0.5))
  }

  @Test("Nothing at all is neither even nor a division by zero")
  func nothing() {
    let spread = Spread([:], over: ["a", "b"])
    #expect(spread.busiest == nil && spread.idlest == nil && spread.shares == [0, 0])
    #expect(!spread.isEven(within: 1))
    #expect(Spread(["x": 3], over: []).busiest == nil)
  }

  @Test("The last seconds are those of whole samples")
  func window() {
    var history = ShareHistory(pods: ["a", "b"])
    for second in 1...5 { history.record(["a": second], until: Double(second)) }
    #expect(history.duration == 5)
    #expect(history.counts(ofLast: 2) == ["a": 9])
    #expect(history.counts(since: 3.5) == ["a": 5])
    #expect(history.counts(since: 0) == ["a": 15])
  }

  @Test("The silence at the end is forgotten, the one in the middle is not")
  func trimmed() {
    var history = ShareHistory(pods: ["a"])
    history.record(["a": 1], until: 1)
    history.record([:], until: 2)
    history.record(["a": 1], until: 3)
    history.record(["a": 0], until: 4)
    history.record([:], until: 5)
    history.trimEnd()
    #expect(history.samples.count == 3 && history.duration == 3)
  }
}

@Suite("The table")
struct ShareTableTests {
  @Test("Every line has the same width, and a pod's bar is as long as its share")
  func layout() {
    let table = ShareTable(
      pods: ["web-1", "web-10"], recent: ["web-1": 30, "web-10": 10], seconds: 2, totals: ["web-1": 1_234_567])
    let lines = table.lines
    #expect(Set(lines.map(\.count)).count == 1)
    #expect(lines[1].filter { $0 == "█" }.count == 3 * lines[2].filter { $0 == "█" }.count)
    #expect(lines[1].contains("75 %") && lines[1].contains(" 15 ") && lines[1].hasSuffix(" 1234567"))
    #expect(lines[2].hasSuffix(" 0"))
  }

  @Test("It fits a terminal of 80 columns")
  func width() {
    let table = ShareTable(pods: ["web-1"], recent: ["web-1": 99_999], seconds: 1, totals: ["web-1": 9_999_999])
    #expect(table.lines.allSatisfy { $0.count < 80 })
  }

  @Test("Without any load there are no bars")
  func idle() {
    let lines = ShareTable(pods: ["a"], recent: [:], seconds: 0, totals: [:]).lines
    #expect(!lines[1].contains("█") && lines[1].contains(" 0 %"))
  }
}
