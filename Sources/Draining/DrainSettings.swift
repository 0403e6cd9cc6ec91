/// The agent's flags on draining.
public struct DrainSettings: Sendable, Equatable {
  /// `--drain-interval`: the age at which connections are drained. Zero: not for their age, except where a Service
  /// has an interval of its own.
  public var interval: Duration
  /// `--drain-jitter`: by how many percent of the interval that age varies either way, 0 to 100. With half of it,
  /// connections that were opened together do not come back together either (docs/SIMULATION.md).
  public var jitterPercent: Double
  /// `--drain-pace`: how many percent of a pod's open connections may be drained in any one second; never less than
  /// one connection.
  public var pacePercent: Double
  /// `--rebalance-window`: for how long pods that were there shed connections to pods that were added. Zero: they do not.
  public var rebalanceWindow: Duration
  /// `--drain-grace`: for how long a connection may outlive its GOAWAY. Zero: for as long as its streams.
  public var grace: Duration

  public init(
    interval: Duration = .seconds(600), jitterPercent: Double = 50, pacePercent: Double = 10,
    rebalanceWindow: Duration = .seconds(10), grace: Duration = .zero
  ) {
    self.interval = interval
    self.jitterPercent = jitterPercent
    self.pacePercent = pacePercent
    self.rebalanceWindow = rebalanceWindow
    self.grace = grace
  }
}
