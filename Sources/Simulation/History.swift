/// How even the load was, and how many connections were made, second by second.
public struct History: Sendable, Equatable {
  public internal(set) var samples: [Sample] = []
  /// Connections that ended with their pod.
  public internal(set) var cut = 0

  /// One second, at its end.
  ///
  /// Load is what clients send at that moment, in requests a second, where their connections are. All figures of pods are
  /// of pods that are ready, over the mean of those of their Service.
  public struct Sample: Sendable, Equatable {
    /// The busiest pod of the median Service.
    public var busiest = 1.0
    /// The idlest pod of the median Service.
    public var idlest = 1.0
    /// The busiest pod of all.
    public var worst = 1.0
    /// 95 % of all pods have no more.
    public var percentile95 = 1.0
    /// The added pods' load over their fair share of all load; 1 without added pods.
    public var added = 1.0
    /// Connections that were opened in place of former ones.
    public var reconnects = 0
    public var goaways = 0
  }
}

extension SimulatedCluster {
  /// What a sample says of the load at this moment.
  func sampleLoad() -> History.Sample {
    var sample = History.Sample()
    var spreads: [(busiest: Double, idlest: Double)] = []
    var ratios: [Double] = []
    var (addedLoad, fairShare) = (0.0, 0.0)
    for service in services {
      let ready = service.pods.lazy.filter { pods[$0].state == .ready }
      let loads = ready.map { Double(pods[$0].load) }
      let mean = loads.reduce(0, +) / Double(loads.count)
      guard mean > 0, let busiest = loads.max(), let idlest = loads.min() else { continue }
      spreads.append((busiest / mean, idlest / mean))
      ratios += loads.map { $0 / mean }
      for pod in ready where pods[pod].isAdded {
        addedLoad += Double(pods[pod].load)
        fairShare += mean
      }
    }
    guard !spreads.isEmpty else { return sample }
    ratios.sort()
    sample.busiest = spreads.map(\.busiest).sorted()[spreads.count / 2]
    sample.idlest = spreads.map(\.idlest).sorted()[spreads.count / 2]
    sample.worst = ratios[ratios.count - 1]
    sample.percentile95 = ratios[ratios.count * 95 / 100]
    if fairShare > 0 { sample.added = addedLoad / fairShare }
    return sample
  }
}

/// Runs a scenario with agents that are set like this. The same arguments give the same history.
public func simulate(_ scenario: Scenario, _ setting: Setting) -> History {
  var cluster = SimulatedCluster(scenario, setting)
  var history = History()
  var before = cluster.tally
  var time = Duration.zero
  while time < scenario.length {
    time += .seconds(1)
    cluster.advance(to: time)
    var sample = cluster.sampleLoad()
    sample.reconnects = cluster.tally.reconnects - before.reconnects
    sample.goaways = cluster.tally.goaways - before.goaways
    history.samples.append(sample)
    before = cluster.tally
  }
  history.cut = before.cut
  return history
}
