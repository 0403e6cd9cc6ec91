import StatsAPI

/// How many GOAWAYs an agent has placed, by reason.
struct GoawayCounts {
  private let agent: StatsClient
  private var before: [String: Int] = [:]

  init(socket: String) { agent = StatsClient(socketPath: socket, timeout: .seconds(1)) }

  /// Since the last call; none while no agent answers.
  mutating func next() async -> [String: Int] {
    guard let metrics = try? await agent.metrics() else { return [:] }
    let now = Self.totals(in: metrics)
    // An agent that was started again may have forgotten some.
    let new = now.merging(before) { max(0, $0 - $1) }.filter { now[$0.key] != nil }
    before = now
    return new
  }

  /// The sums over all Services.
  private static func totals(in metrics: String) -> [String: Int] {
    var totals: [String: Int] = [:]
    for line in metrics.split(separator: "\n") where line.hasPrefix("evenkeel_goaways_total{") {
      guard let match = line.firstMatch(of: /reason="([a-z_]+)"} ([0-9]+)/) else { continue }
      totals[String(match.1), default: 0] += Int(match.2) ?? 0
    }
    return totals
  }
}
