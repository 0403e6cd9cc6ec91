import Benchmark
import Foundation
import FoundationXML
import Testing

@Suite("Summaries")
struct SummaryTests {
  @Test("The median is the middle one, or between the two in the middle; of nothing there is none")
  func median() {
    #expect(Summary([3, 1, 2])?.median == 2)
    #expect(Summary([4, 1, 2, 3])?.median == 2.5)
    #expect(Summary([5, 1, 2]).map { [$0.least, $0.most] } == [1, 5])
    #expect(Summary([]) == nil)
  }

  @Test("A median's error shrinks with the root of their number, and one that is far off hardly changes it")
  func estimates() throws {
    let some = try #require(Estimate([0.98, 0.99, 1, 1.01, 1.02]))
    #expect(some.median == 1)
    #expect(abs(some.error - 0.00831) < 0.00001, "half are within 0.01: 1.253 * 0.01 / 0.674 / 5^0.5")
    let disturbed = try #require(Estimate([0.98, 0.99, 1, 1.01, 77]))
    #expect(abs(disturbed.error - some.error) < 1e-9 && disturbed.median == 1)
    let more = try #require(Estimate(Array(repeating: [0.98, 0.99, 1, 1.01, 1.02], count: 4).flatMap(\.self)))
    #expect(abs(more.error - some.error / 2) < 1e-9)
    #expect(try #require(Estimate([1])).error.isNaN)
    #expect(Estimate([]) == nil)
  }

  @Test("A quantile lies inside the microsecond that it falls into, by how many are below it")
  func quantiles() throws {
    let latencies = Latencies([10, 10, 10, 10, 11, 11, 11, 11])
    #expect(latencies.quantile(0.5) == 11)
    #expect(latencies.quantile(0.25) == 10.5)
    #expect(latencies.quantile(0.75) == 11.5)
    #expect(latencies.quantile(1) == 12)
    #expect(Latencies().quantile(0.5) == nil)
  }

  @Test("The medians of slices are taken measure by measure, and one that is far off does not count")
  func medians() {
    let slices: [[Measure: Double]] = [
      [.small: 1, .oneMedian: 10], [.small: 2, .oneMedian: 30], [.small: 900, .oneMedian: 20],
    ]
    #expect(slices.medians == [.small: 2, .oneMedian: 20])
    #expect([[Measure: Double]]().medians.isEmpty)
  }

  @Test("The most events in a second are found wherever that second begins, and in the sum of several counts")
  func events() throws {
    var events = Events()
    for time in [10.05, 10.95, 11.0, 11.5, 11.8, 13.0] { events.add(at: time) }
    #expect(events.count == 6 && events.mostInASecond == 4, "from 10.9 to 11.9; 10.05 to 11.04 is in no single second")
    var more = Events()
    more.add(at: 11.2)
    events.add(more)
    #expect(events.mostInASecond == 5)
    #expect(Events().mostInASecond == 0)
    #expect(try JSONDecoder().decode(Events.self, from: try JSONEncoder().encode(events)) == events)
  }

  @Test("A time that is not possible counts as the nearest that is")
  func limits() throws {
    #expect(Latencies([-5]).quantile(1) == 1)
    #expect(try #require(Latencies([.max]).quantile(1)) == 1_000_001)
  }
}

@Suite("What h2load prints")
struct H2LoadTests {
  private func output(_ requests: String, statuses: String = "704 2xx, 0 3xx, 0 4xx, 0 5xx") -> String {
    """
    starting benchmark...
    Application protocol: h2c

    finished in 536.83ms, 1408.25 req/s, 315.02KB/s
    requests: \(requests)
    status codes: \(statuses)
    traffic: 157.51KB (161288) total, 7.45KB (7624) headers (space savings 93.01%), 137.50KB (140800) data
    """
  }

  @Test("The rate and the counts are read")
  func counts() throws {
    let read = try H2LoadOutput(
      output("704 total, 768 started, 704 done, 704 succeeded, 0 failed, 0 errored, 0 timeout"))
    #expect(read.requestsPerSecond == 1408.25 && read.succeeded == 704 && read.failed == 0)
  }

  @Test("A request that ends with another status than 2xx has failed, and so has one that ends with an error")
  func failures() throws {
    let statuses = try H2LoadOutput(
      output(
        "704 total, 768 started, 704 done, 0 succeeded, 704 failed, 0 errored, 0 timeout",
        statuses: "700 2xx, 0 3xx, 0 4xx, 4 5xx"))
    #expect(statuses.succeeded == 700 && statuses.failed == 4)
    let errors = try H2LoadOutput(
      output("704 total, 768 started, 704 done, 704 succeeded, 9 failed, 9 errored, 0 timeout"))
    #expect(errors.failed == 9)
  }

  @Test("Output that is cut off or unlike what is expected is an error that says what is missing")
  func malformed() {
    #expect(throws: H2LoadOutput.Malformed.self) { try H2LoadOutput("finished in 1s, 5 req/s, 1B/s\n") }
    #expect(throws: H2LoadOutput.Malformed.self) { try H2LoadOutput("") }
    #expect(throws: H2LoadOutput.Malformed.self) { try H2LoadOutput(output("many total")) }
  }

  @Test("Of a log, the times of the good answers count; a line that is cut off does not")
  func log() {
    let log = "1795533673111951\t200\t24\n1795533673111952\t503\t1\n1795533673111953\t-1\t1\n1\t200\t26\n1\t200\t9"
    #expect(H2LoadOutput.latencies(log: log.utf8) == Latencies([24, 26]))
  }
}

@Suite("Numbers and tables")
struct TableTests {
  @Test(
    "Numbers have three digits that mean something, and groups of thousands",
    arguments: [
      (0.0, "0"), (1, "1"), (1.234, "1.23"), (1.05, "1.05"), (9.999, "10"), (12.34, "12.3"), (123.4, "123"),
      (1_234_567, "1,234,567"), (1000, "1,000"), (-2.5, "-2.50"), (-1234, "-1,234"), (0.001, "0"), (.nan, "?"),
    ])
  func numbers(value: Double, text: String) { #expect(number(value) == text) }

  @Test("Columns are as wide as they need to be")
  func columns() {
    let table = TextTable(["name", "n"], [["a", "100"], ["longer", "1"]])
    #expect(table.text == "  name      n\n  a       100\n  longer    1\n")
    #expect(table.markdown == "| name | n |\n| --- | ---: |\n| a | 100 |\n| longer | 1 |\n")
  }

  @Test("Figures are replaced between their marks, and what people wrote stays")
  func marks() {
    let document = MarkedDocument("before\n\(MarkedDocument.begin)\nold\n\(MarkedDocument.end)\nafter\n")
    #expect(
      document.replacingFigures("new")
        == "before\n\(MarkedDocument.begin)\n\nnew\n\(MarkedDocument.end)\nafter\n")
    #expect(MarkedDocument("no marks").replacingFigures("new") == nil)
    #expect(MarkedDocument("\(MarkedDocument.end) \(MarkedDocument.begin)").replacingFigures("new") == nil)
  }
}

@Suite("Reports")
struct ReportTests {
  private var report: Report {
    var control = Report.Contender(id: Report.control, name: "direct, once more")
    var ours = Report.Contender(id: "spread", name: "ours <&>", isOurs: true)
    var rival = Report.Contender(id: Report.manyRules, name: "iptables, 10,000 Services")
    for (base, own, other) in [(100.0, 99.0, 90.0), (200, 198, 100), (50, 40, 60)] {
      let direct: [Measure: Double] = [.small: base, .exchanges: base, .oneMedian: 30]
      control.record([.small: base * 1.01, .exchanges: base, .oneMedian: 30], beside: direct)
      ours.record([.small: own, .exchanges: own, .oneMedian: 33, .machineCPU: 3], beside: direct)
      rival.record([.exchanges: other], beside: [.exchanges: base])
    }
    var report = Report(
      machine: .init(
        processor: "a <fast> one", cores: 2, memoryGiB: 8, kernel: "6.18", date: "today", loadBefore: 0, rounds: 3,
        isQuick: false), contenders: [control, ours, rival])
    var empty = Report.Contender(id: "empty", name: "empty programs")
    var own = Report.Contender(id: "own", name: "ours, tracked", isOurs: true)
    for base in [100.0, 200, 50] {
      let none = [Measure.small: base, .smallCPU: 4]
      empty.record([.small: base * 0.99, .smallCPU: 4.04], beside: none)
      own.record([.small: base * 0.975, .smallCPU: 4.06], beside: none)
    }
    report.switched = [empty, own]
    report.figures = [.init("memory", 30, "MB", .atMost(40)), .init("queued", 1, "", nil)]
    var course = Report.Course(contender: "ours", isOurs: true)
    course.seconds = [(1, 1.0), (2, 1.9), (3, 1.8), (4, 1.2), (5, 1.04), (6, 1.0), (7, 3.0)].map {
      .init(time: $0.0, busiest: $0.1)
    }
    course.phases = [
      .init(title: "steady", start: 0, end: 1, answered: 10, failed: 0),
      .init(title: Report.Course.scaleUp, start: 1, end: 6, answered: 10, failed: 0),
      .init(title: "update", start: 6, end: 7, answered: 10, failed: 2),
    ]
    report.courses = [course]
    return report
  }

  @Test("Contenders are compared with the direct way of the same round, as machines have faster and slower minutes")
  func ratios() throws {
    #expect(report.contenders[1].ratio(.small) == Summary([0.99, 0.99, 0.8]))
    #expect(report.contenders[2].ratio(.small) == nil)
    #expect(report.direct(.small) == Summary([100, 200, 50]))
    #expect(report.noise(.small) == Summary([1.01, 1.01, 1.01]))
  }

  @Test("A target of more is met by more, a target of less by less")
  func targets() {
    #expect(Target.atLeast(0.98).isMet(by: 0.98) && !Target.atLeast(0.98).isMet(by: 0.979))
    #expect(Target.atMost(0).isMet(by: 0) && !Target.atMost(0).isMet(by: 1))
    #expect(!Target.atLeast(1).isMet(by: .nan) && !Target.atMost(1).isMet(by: .nan))
  }

  @Test("Every target has its verdict: against direct, against others, of courses and of figures")
  func verdicts() throws {
    let verdicts = report.verdicts
    func verdict(_ title: String) throws -> Verdict { try #require(verdicts.first { $0.title == title }) }
    #expect(try verdict("ours <&>: 200 B").isMet)
    #expect(try !verdict("ours <&>: one at a time, p50").isMet)
    #expect(try verdict("ours <&>: 200 B").noise == report.noise(.small))
    #expect(try !verdict("ours, tracked, on and off: 200 B").isMet)
    #expect(try verdict("ours, tracked, on and off: 200 B, CPU").isMet)
    #expect(!verdicts.contains { $0.title.contains("empty") }, "they are the limit")
    #expect(verdicts.contains { $0.unit == "of iptables-10000" && $0.isMet })
    #expect(!verdicts.contains { $0.unit == "of direct" && $0.title.contains("iptables") })
    #expect(!verdicts.contains { $0.title == "ours <&>: 200 B" && $0.unit != "of direct" }, "the control is no rival")
    #expect(try verdict("ours: RPCs failed, steady").isMet)
    #expect(try !verdict("ours: RPCs failed, update").isMet)
    #expect(try verdict("memory").isMet)
    #expect(!verdicts.contains { $0.title == "queued" }, "there is no target")
  }

  @Test("Evenness is judged from one drain interval after the scale-up to the next change")
  func evenness() {
    #expect(report.courses[0].afterScaleUp == Summary([1.2, 1.04, 1.0]))
  }

  @Test("Tables say what was met and what was missed, and leave out what was not measured")
  func tables() throws {
    #expect(report.text.contains("MISSED") && report.text.contains("0.990 (0.800–0.990)"))
    let rows = report.markdown.split(separator: "\n").filter { $0.hasPrefix("| iptables") }
    #expect(rows.count == 1, "it only connects")
    #expect(!report.sections.contains { $0.title == "The BPF programs" })
    #expect(report.markdown.contains("| 200 B | 0.990 ± 0.000 | 1.010 ± 0.000 | 0.975 ± 0.000 | 1.015 ± 0.000 |\n"))
    #expect(report.markdown.contains("0.975 ± 0.000 of none | ≥ 0.98 | – | MISSED |"))
    #expect(report.markdown.contains("taken away again, 3 times, around"))
    #expect(report.text.contains("A full run, of today"))
    var part = report
    part.courses = []
    #expect(part.text.contains("A part of a full run, of today"))
  }

  @Test("A report can be read again from its JSON")
  func json() throws {
    let data = try JSONEncoder().encode(report)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let contenders = try #require(object["contenders"] as? [[String: Any]])
    #expect((contenders[0]["direct"] as? [String: [Double]])?["small"] == [100, 200, 50])
    #expect(try JSONDecoder().decode(Report.self, from: data).text == report.text)
  }

  @Test("The picture is well-formed, has a bar for each ratio, and needs nothing but itself")
  func picture() throws {
    let svg = Plot(report).svg
    let reader = Reader()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    // Ours has three bars and the mark of its curve, the control three bars, the other one.
    #expect(reader.classes.count { $0 == "ours" } == 4 && reader.classes.count { $0 == "other" } == 4)
    #expect(reader.classes.filter { $0.hasPrefix("curve") } == ["curve line-ours"])
    #expect(svg.contains(">update<") && svg.contains("less is better"))
    #expect(svg.components(separatedBy: "://").count == 2 && !svg.contains("<script"))
    let empty = Report(machine: report.machine, contenders: [])
    #expect(XMLParser(data: Data(Plot(empty).svg.utf8)).parse())
  }

  private final class Reader: NSObject, XMLParserDelegate {
    var classes: [String] = []

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      if let name = attributes["class"] { classes.append(name) }
    }
  }
}
