import Testing

@testable import Lab

@Suite("The document about clients")
struct ClientMatrixTests {
  static let summary = """
    {"connections": 40, "goaways": 20, "unary": {"answered": 5, "lost": 0}, "streams": {"answered": 7, "lost": 3},
    "crossing": {"answered": 0, "lost": 0}, "reconnects": 18, "stays_away": 1,
    "connecting": {"median": 1.26, "longest": 80.6}, "answering": null, "closed_by_client": 12, "closed_by_server": 0,
    "left_open": 2, "closing": {"median": 0.04, "longest": 9.97}}
    """

  static func run(errors: [String: Int] = [:]) throws -> ClientMatrix.Run {
    let drains = try DrainSummary(json: summary.split(separator: "\n").joined())
    let failed = errors.values.reduce(0, +)
    return .init(report: LoadReport(event: .done, ok: 100, failed: failed, errors: errors), drains: drains, goaways: 21)
  }

  static func document(_ rows: [ClientMatrix.Row]) -> [Substring] {
    ClientMatrix(rows: rows, kernel: "6.18.1", setting: "As it was set.").markdown.split(separator: "\n")
  }

  @Test("A client has a row in the table of each concern, with a dash where there was nothing to measure")
  func rows() throws {
    let lines = Self.document([.init(name: "one", version: "1.2", run: try Self.run())])
    #expect(
      lines.filter { $0.hasPrefix("| one") } == [
        "| one | 1.2 | 21 | 100 | 0 | – |",
        "| one | 5 of 5 | 7 of 10 | – |",
        "| one | 1.3 | 81 | – | – | 1 |",
        "| one | 12 | 0.0 | 10.0 | 2 |",
      ])
    #expect(!lines.contains("## Clients that need a hand"))
  }

  @Test("Of a program that ends with its connection, nothing is said about reconnecting")
  func endsWithConnection() throws {
    let lines = Self.document([.init(name: "one", version: "1", run: try Self.run(), livesOn: false)])
    #expect(lines.contains("| one | – | – | – | – | – |"))
  }

  @Test("A client that needs a hand has its advice, and its figures without and with it")
  func hand() throws {
    let row = ClientMatrix.Row(
      name: "one", version: "1", run: try Self.run(errors: ["b": 2, "a": 2, "c": 3]),
      hand: .init(
        advice: "Try again.", remedy: "retries", remedied: try Self.run(), withoutAgent: try Self.run(errors: ["d": 1]))
    )
    let lines = Self.document([row])
    #expect(lines.contains("| one | 1 | 21 | 107 | 7 | 0 of 100 |"))
    #expect(
      lines.suffix(9) == [
        "### one", "Try again.",
        "- As it is: 107 requests, 21 GOAWAYs, 7 failed, 2 drained connections left open",
        "  - 3 × `c`", "  - 2 × `a`", "  - 2 × `b`",
        "- Without an agent, with servers that have a maximum connection age of their own: 101 requests, 21 GOAWAYs, "
          + "1 failed, 2 drained connections left open",
        "  - 1 × `d`",
        "- With retries: 100 requests, 21 GOAWAYs, 0 failed, 2 drained connections left open",
      ])
  }

  @Test("Of many different failures, the most frequent are listed, and the others counted")
  func manyFailures() throws {
    let errors = Dictionary(uniqueKeysWithValues: (1...10).map { ("text \($0)", $0) })
    let lines = Self.document([.init(name: "one", version: "1", run: try Self.run(errors: errors))])
    #expect(lines.suffix(9).first == "  - 10 × `text 10`")
    #expect(lines.last == "  - 3 with other texts")
  }

  @Test("Lost requests are a surprise unless there is a remedy that was seen to work")
  func surprises() throws {
    let (lossy, sound) = (try Self.run(errors: ["a": 1]), try Self.run())
    func row(_ name: String, _ run: ClientMatrix.Run, remedied: ClientMatrix.Run?) -> ClientMatrix.Row {
      let hand = remedied.map { ClientMatrix.Hand(advice: "", remedy: "", remedied: $0, withoutAgent: nil) }
      return .init(name: name, version: "", run: run, hand: hand)
    }
    let matrix = ClientMatrix(
      rows: [
        row("sound", sound, remedied: nil), row("remedied", lossy, remedied: sound), row("lossy", lossy, remedied: nil),
        row("hopeless", lossy, remedied: lossy),
      ], kernel: "", setting: "")
    #expect(matrix.surprises == ["lossy", "hopeless"])
  }
}
