import Lab

struct DemoSettings: Sendable {
  /// The path of `evenkeel`; nil: show only what is without it.
  let agent: String?
  let svg: String
  let pace: Pace

  /// How long the audience gets to look.
  struct Pace: Sendable {
    /// At each thing that happened.
    let look: Duration
    /// The agent's `--drain-interval`, in seconds.
    let drainInterval: Int
    /// From one pod of a rolling update to the next.
    let replacement: Duration

    static let normal = Pace(look: .seconds(6), drainInterval: 8, replacement: .seconds(2))
    static let fast = Pace(look: .seconds(2), drainInterval: 4, replacement: .seconds(1))
  }

  let service = Service.Port(port: 80, targetPort: 50051)
  let podsBefore = 3
  let podsAdded = 3
  /// In the rolling update, one by one: those of the beginning.
  let podsReplaced = 3
  let clientPods = 3
  let clientsPerPod = 8
  /// Between two requests of a client. All together take half a processor core, as debug builds run.
  let pauseMilliseconds = 250
  /// Longer than a drain interval: a drained connection lives on until its stream has ended.
  var streamSeconds: Int { pace.drainInterval + 2 }

  /// How many seconds of requests say whether the load is even.
  let window = 3.0
  /// How far from the mean a pod's share may be, as a part of the mean: with 4 clients for each of 6 pods, 2 clients.
  let tolerance = 0.5
  /// In percent; the agent's flags.
  let drainJitter = 10
  let drainPace = 50
  /// In seconds: added pods have their share long before the next drain interval is over.
  let rebalanceWindow = 3

  /// Until the last connection is drained, and the window behind it full: one interval, with its jitter and some
  /// seconds for the connections that were due in the same moment and had to wait for each other.
  var timeUntilEven: Duration {
    .seconds(Double(pace.drainInterval) * Double(100 + drainJitter) / 100 + window + 3)
  }

  var agentFlags: [String] {
    [
      "--drain-interval", "\(pace.drainInterval)s", "--drain-jitter", "\(drainJitter)",
      "--drain-pace", "\(drainPace)", "--rebalance-window", "\(rebalanceWindow)s", "--log-level", "warning",
    ]
  }
}
