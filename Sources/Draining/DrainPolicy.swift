public import Balancing

/// How the connections of one endpoint are drained without being asked.
public struct DrainPolicy: Sendable, Equatable {
  /// The age at which they are drained; nil: not for their age.
  public var interval: Duration?
  /// All of them are drained now.
  public var isTerminating: Bool

  public init(interval: Duration?, isTerminating: Bool = false) {
    (self.interval, self.isTerminating) = (interval, isTerminating)
  }

  /// The policy of each endpoint that is behind a Service in mode `balance`. All others are drained on request only.
  ///
  /// An endpoint may be behind several Services: only those in mode `balance` have a say, and the shortest of their
  /// intervals counts.
  public static func byEndpoint(
    of servicePorts: [ServicePort], defaultInterval: Duration
  ) -> [SocketAddress: DrainPolicy] {
    var policies: [SocketAddress: DrainPolicy] = [:]
    for servicePort in servicePorts where servicePort.mode == .balance {
      let interval = servicePort.drainInterval ?? defaultInterval
      for endpoint in servicePort.endpoints {
        policies[endpoint.address, default: DrainPolicy(interval: nil)].add(interval, endpoint.state)
      }
    }
    return policies
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

  private mutating func add(_ other: Duration, _ state: Endpoint.State) {
    if other > .zero { interval = min(interval ?? other, other) }
    isTerminating = isTerminating || state.isTerminating
  }
}
