import FoundationEssentials
import Lab
import Synchronization

/// Counts RPCs of several channels, and prints the counts.
final class LoadTally: Sendable {
  private struct Contents {
    var report = LoadReport(event: .progress)
    /// For each channel, the connections that its RPCs were answered on.
    var connections: [Int: Set<String>] = [:]
  }

  private let contents = Mutex(Contents())

  func succeeded(channel: Int, server: String, peer: String) {
    contents.withLock {
      $0.report.ok += 1
      $0.report.byServer[server, default: 0] += 1
      $0.connections[channel, default: []].insert("\(server) \(peer)")
    }
  }

  func failed(_ error: String) {
    contents.withLock {
      $0.report.failed += 1
      $0.report.errors[error, default: 0] += 1
    }
  }

  func retried() {
    contents.withLock { $0.report.retried += 1 }
  }

  func report(_ event: LoadReport.Event) -> LoadReport {
    contents.withLock {
      var report = $0.report
      report.event = event
      report.connections = $0.connections.values.map(\.count).reduce(0, +)
      report.reconnects = report.connections - $0.connections.count
      return report
    }
  }

  func print(_ event: LoadReport.Event) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    printLine(String(decoding: try encoder.encode(report(event)), as: UTF8.self))
  }

  /// Prints again and again, until cancelled.
  func printProgress(every interval: Duration) async throws {
    while true {
      try await Task.sleep(for: interval)
      try self.print(.progress)
    }
  }
}
