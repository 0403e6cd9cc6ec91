/// How the connections of one endpoint are drained without being asked.
public struct DrainPolicy: Sendable, Equatable {
  /// The age at which they are drained; nil: not for their age.
  public var interval: Duration?
  /// All of them are drained now.
  public var isTerminating: Bool

  public init(interval: Duration?, isTerminating: Bool = false) {
    (self.interval, self.isTerminating) = (interval, isTerminating)
  }

  /// For how long a node may not look at its connections: those that no snapshot has shown yet are not due sooner.
  ///
  /// - Parameter policies: of the node's endpoints.
  public static func longestPause(with policies: some Sequence<DrainPolicy>, jitterPercent: Double) -> Duration {
    var longest = Limits.longestPause
    for policy in policies {
      if policy.isTerminating { return Limits.look }
      if let interval = policy.interval {
        longest = min(longest, MaxAge(interval: interval, jitterPercent: jitterPercent).least)
      }
    }
    return max(longest, Limits.look)
  }

  /// What holds for an endpoint behind two Services in mode `balance`: the shorter interval counts.
  func joined(with other: DrainPolicy) -> DrainPolicy {
    let shorter = [interval, other.interval].compactMap(\.self).min()
    return DrainPolicy(interval: shorter, isTerminating: isTerminating || other.isTerminating)
  }
}
