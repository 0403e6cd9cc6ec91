/// What h2load has printed (nghttp2's h2load, 1.52 and later).
public struct H2LoadOutput: Sendable, Equatable {
  /// Requests that were answered with a status of success.
  public let succeeded: Int
  /// All others that were begun and are over: errors, time-outs, other statuses.
  public let failed: Int
  /// Requests of `succeeded` and `failed`, by the seconds that h2load took.
  public let requestsPerSecond: Double

  /// - Throws: `Malformed` that names the line that is missing.
  public init(_ text: String) throws(Malformed) {
    let lines = text.split(separator: "\n")
    func line(_ start: String) throws(Malformed) -> Substring {
      guard let line = lines.first(where: { $0.hasPrefix(start) }) else {
        throw Malformed(description: "h2load printed no line '\(start)…': \(text.suffix(500))")
      }
      return line
    }
    // finished in 1.00s, 152341.00 req/s, 35.31MB/s
    let finished = try line("finished in ").split(separator: ", ")
    guard finished.count > 1, let rate = Double(finished[1].dropLast(" req/s".count)) else {
      throw Malformed(description: "h2load printed no rate: \(finished)")
    }
    // requests: 704 total, 768 started, 704 done, 704 succeeded, 0 failed, 0 errored, 0 timeout
    let requests = try Self.counts(try line("requests: "))
    let statuses = try Self.counts(try line("status codes: "))
    guard let good = statuses["2xx"], let done = requests["done"], let errors = requests["errored"],
      let timeouts = requests["timeout"]
    else { throw Malformed(description: "h2load printed other counts than expected: \(requests), \(statuses)") }
    (succeeded, requestsPerSecond) = (good, rate)
    failed = max(done - good, errors + timeouts)
  }

  public struct Malformed: Error, Equatable, CustomStringConvertible {
    public let description: String
  }

  private static func counts(_ line: Substring) throws(Malformed) -> [String: Int] {
    var counts: [String: Int] = [:]
    for part in line.drop(while: { $0 != ":" }).dropFirst().split(separator: ",") {
      let words = part.split(separator: " ")
      guard words.count == 2, let count = Int(words[0]) else {
        throw Malformed(description: "h2load printed '\(part)' where a count was expected")
      }
      counts[String(words[1])] = count
    }
    return counts
  }

  /// The times of a file that h2load wrote with `--log-file`: start, status and microseconds, separated by tabs. Lines of
  /// requests that failed, and a last one that is not whole, are left out.
  public static func latencies(log: some Sequence<UInt8>) -> Latencies {
    var latencies = Latencies()
    var (column, number, isNumber) = (0, [0, 0, 0], true)
    for byte in log {
      switch byte {
      case UInt8(ascii: "\t"):
        column += 1
      case UInt8(ascii: "\n"):
        if column >= 2, isNumber, (200..<300).contains(number[1]) { latencies.add(number[2]) }
        (column, number, isNumber) = (0, [0, 0, 0], true)
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        if column < 3 { number[column] = number[column] &* 10 &+ Int(byte - UInt8(ascii: "0")) }
      default:
        isNumber = false
      }
    }
    return latencies
  }
}
