import ArgumentParser
import Benchmark
import CExchange
import FoundationEssentials
import Glibc
import SystemPackage

/// Connect, one request, close, again and again: what a connection costs.
struct ExchangeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exchange", abstract: "Connections one after the other, with one HTTP/2 request on each.",
    discussion: "Prints one line of JSON: see Outcome. Fails at the first answer that is not as long as it should be.",
    shouldDisplay: false)

  @Option(help: "HOST:PORT by IPv4; several are taken in turn.")
  var target: [HostPort]

  @Option(help: "What to ask for.")
  var path = "/small"

  @Option(help: "Bytes that an answer must have.")
  var bytes = 200

  @Option(help: "How many connections.")
  var count = 1

  func validate() throws {
    guard count > 0, !target.isEmpty else { throw ValidationError("--count, --target: at least 1") }
  }

  /// What is printed.
  struct Outcome: Codable {
    var count: Int
    var seconds: Double
    /// In microseconds.
    var median: Double
  }

  func run() async throws {
    let clock = ContinuousClock()
    var latencies = Latencies()
    let start = clock.now
    for index in 0..<count {
      let begin = clock.now
      try exchange(with: target[index % target.count])
      latencies.add(Int((clock.now - begin) / .microseconds(1)))
    }
    let seconds = (clock.now - start) / .seconds(1)
    let outcome = Outcome(count: count, seconds: seconds, median: latencies.quantile(0.5) ?? .nan)
    printLine(String(decoding: try JSONEncoder().encode(outcome), as: UTF8.self))
  }

  private func exchange(with target: HostPort) throws {
    let result = exchange_once(target.host, UInt16(target.port), path)
    guard result >= 0 else { throw ExchangeFailure("\(target): \(Errno(rawValue: CInt(-result)))") }
    guard result == bytes else {
      throw ExchangeFailure("\(target)\(path): expected \(bytes) bytes, and the answer has \(result)")
    }
  }
}

struct ExchangeFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
