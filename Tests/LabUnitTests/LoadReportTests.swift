import Foundation
import Testing

@testable import Lab

@Suite("Reports of clients")
struct LoadReportTests {
  @Test("A report has the names that all peers of the tests use")
  func names() throws {
    let line = """
      {"event": "done", "ok": 5, "failed": 1, "errors": {"Echo: no": 1}, "connections": 3, "reconnects": 1,
      "by_server": {"a": 5}, "retried": 2}
      """
    let report = try JSONDecoder().decode(LoadReport.self, from: Data(line.utf8))
    #expect(
      report
        == LoadReport(
          event: .done, ok: 5, failed: 1, errors: ["Echo: no": 1], connections: 3, reconnects: 1, byServer: ["a": 5],
          retried: 2))
    let again = try JSONDecoder().decode(LoadReport.self, from: JSONEncoder().encode(report))
    #expect(again == report)
  }

  @Test("A client that tries nothing again need not say so")
  func nothingRetried() throws {
    let line = """
      {"event": "done", "ok": 5, "failed": 0, "errors": {}, "connections": 3, "reconnects": 1, "by_server": {}}
      """
    #expect(try JSONDecoder().decode(LoadReport.self, from: Data(line.utf8)).retried == 0)
  }

  @Test("Reports of different clients add up, every field of them")
  func sum() {
    var sum = LoadReport(event: .done, ok: 1, failed: 2, errors: ["x": 2], byServer: ["a": 1])
    sum.add(
      LoadReport(
        event: .done, ok: 10, failed: 4, errors: ["x": 1, "y": 3], connections: 5, reconnects: 6,
        byServer: ["a": 4, "b": 6], retried: 7))
    #expect(
      sum
        == LoadReport(
          event: .done, ok: 11, failed: 6, errors: ["x": 3, "y": 3], connections: 5, reconnects: 6,
          byServer: ["a": 5, "b": 6], retried: 7))
  }
}

@Suite("Errors")
struct LabErrorTests {
  @Test("A failed command is named with its exit code and what it said")
  func command() {
    let error = LabError.commandFailed(
      command: "ip -batch -", status: .code(1), errorOutput: "Cannot find device\nCommand failed -:3\n")
    #expect("\(error)" == "`ip -batch -` ended with exit code 1\n  Cannot find device\n  Command failed -:3")
    #expect("\(LabError.commandFailed(command: "x", status: .signal(9), errorOutput: ""))" == "`x` ended with signal 9")
  }
}
