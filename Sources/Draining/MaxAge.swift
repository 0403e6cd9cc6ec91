/// The age at which each connection of an endpoint is drained: the interval, give or take the jitter.
///
/// The jitter comes from the connection's id, so that a restarted agent arrives at the same time. It is uniform, so that
/// connections that were opened together do not end together.
struct MaxAge: Sendable {
  /// No connection is drained sooner.
  let least: Duration
  private let width: Duration

  init(interval: Duration, jitterPercent: Double) {
    let jitter = min(max(jitterPercent, 0), 100) / 100
    least = interval * (1 - jitter)
    width = interval * (2 * jitter)
  }

  func age(of connection: UInt64) -> Duration { least + width * Scatter.fraction(of: connection, for: .age) }
}
