/// The limits of the scheduler and of the watch over orphans.
enum Limits {
  /// Attempts that are handed out at a time. A batch of them is over in some milliseconds, so that neither something more
  /// urgent nor a question waits long behind it; and a tick need not sort more than this many connections of a pod.
  static let attempts = 32
  /// Whatever time alone brings about waits until this long after the last tick, so that many connections which are
  /// due one shortly after another cost one tick, not one each. Requests do not wait. With more than 25,000 connections it
  /// is longer: a tick takes some 0.07 µs for each, and all ticks are to take a thirtieth of a processor at most.
  static func spacing(among connections: Int) -> Duration {
    max(.milliseconds(50), .microseconds(2) * connections)
  }
  /// A refused connection is left alone for this long at first: enough for a server to write out a response …
  static let firstBackOff = Duration.milliseconds(50)
  /// … and for this long after many refusals: what an operator who waits for a drain does not yet take for a hang.
  static let longestBackOff = Duration.seconds(1)
  /// A closure that was ordered and has not happened is ordered again after this time.
  static let closureRetry = Duration.seconds(1)
  /// How soon to look again for connections to an address that is in no EndpointSlice any more.
  static let orphanLook = Duration.seconds(1)
  /// How long after a snapshot another is wanted for what only that can tell: that a draining connection has ended, or
  /// that a connection which is too old has served at last … With more than 50,000 connections it is longer, as a snapshot
  /// takes some 0.7 µs for each.
  static func look(among connections: Int) -> Duration { max(look, .microseconds(20) * connections) }
  static let look = Duration.seconds(1)
  /// … or that one has served of which the pod is going away, or the operator waiting.
  static let urgentLook = Duration.milliseconds(100)

  /// For how long new connections may go unseen, where none of them can be due sooner: the window in which the load is
  /// measured needs samples.
  static let longestPause = Duration.seconds(5)

  /// In place of the drain interval where connections are not drained for their age.
  private static let noInterval = Duration.seconds(600)

  /// For how long it matters that something has happened to a connection or an endpoint: the drain interval.
  static func interval(_ interval: Duration) -> Duration { interval > .zero ? interval : noInterval }

  /// How long a connection is left alone after so many refusals: it doubles with each.
  static func backOff(after refusals: Int) -> Duration {
    // 2^10 is far beyond the longest already, and keeps the shift in bounds.
    min(longestBackOff, firstBackOff * (1 << min(refusals - 1, 10)))
  }
}
