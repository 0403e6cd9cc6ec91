import Balancing

/// How busy a connection or a pod is.
///
/// The mean over a connection's life: it needs no memory, and no agent before this one to have looked. Loads that differ
/// by less than a factor of two are taken for equal, so that noise does not decide.
struct Load: Sendable {
  /// Responses per second.
  private(set) var rate: Double = 0

  mutating func add(_ other: Load) { rate += other.rate }

  /// 0 below one response per second; each step above it doubles.
  var magnitude: Int { rate < 1 ? 0 : 1 + Int(rate.exponent) }
}

extension AcceptedConnection {
  func load(at now: Duration) -> Load {
    // A connection that was opened this very moment is not infinitely busy.
    let age = max(now - established, .milliseconds(1)).components
    return Load(rate: Double(responses) / (Double(age.seconds) + Double(age.attoseconds) * 1e-18))
  }
}
