internal import Balancing

/// What a history comes down to: a line of the table.
public struct Figures: Sendable, Equatable {
  // Means over the settled time: the last third before the scale-up.
  public private(set) var busiest: Double
  public private(set) var idlest: Double
  public private(set) var percentile95: Double
  /// Reconnects a second.
  public private(set) var reconnects: Double

  /// The most reconnects in one second before the scale-up …
  public private(set) var worstSecondOfAging: Int
  /// … from then until the rolling update …
  public private(set) var worstSecondOfScaleUp: Int
  /// … and to the end.
  public private(set) var worstSecondOfRollout: Int

  /// How often a client connected anew during the rolling update, on average.
  public private(set) var movesOfRollout: Double

  /// Seconds from the scale-up until the added pods together had 80 % of their share; nil: never.
  public private(set) var secondsUntilShared: Int?
  /// Seconds from the scale-up until no pod of the median Service was more than 20 % off the mean; nil: never.
  public private(set) var secondsUntilEven: Int?
  /// Connections that ended with their pod.
  public private(set) var cut: Int

  /// How far off the mean is even enough …
  static let tolerance = 0.2
  /// … if it stays so for this many seconds.
  static let duration = 10

  public init(_ history: History, of scenario: Scenario) {
    let (scaleUp, rollout) = (Int(scenario.scaleUp.seconds), Int(scenario.rollout.seconds))
    let samples = history.samples
    let settled = samples[scaleUp * 2 / 3..<scaleUp]
    func mean(_ value: (History.Sample) -> Double) -> Double { settled.map(value).reduce(0, +) / Double(settled.count) }
    func worst(_ part: ArraySlice<History.Sample>) -> Int { part.map(\.reconnects).max() ?? 0 }
    func seconds(until holds: (History.Sample) -> Bool) -> Int? {
      let after = samples[scaleUp..<rollout]
      let last = after.endIndex - Self.duration
      let start = after.indices.first { $0 <= last && after[$0..<$0 + Self.duration].allSatisfy(holds) }
      return start.map { $0 + 1 - scaleUp }
    }
    busiest = mean(\.busiest)
    idlest = mean(\.idlest)
    percentile95 = mean(\.percentile95)
    reconnects = mean { Double($0.reconnects) }
    worstSecondOfAging = worst(samples[..<scaleUp])
    worstSecondOfScaleUp = worst(samples[scaleUp..<rollout])
    worstSecondOfRollout = worst(samples[rollout...])
    let replacing = rollout..<min(rollout + Int(Scenario.rolloutLength.seconds), samples.count)
    movesOfRollout = Double(samples[replacing].map(\.reconnects).reduce(0, +)) / Double(scenario.clients)
    secondsUntilShared = seconds { $0.added >= 1 - Self.tolerance }
    secondsUntilEven = seconds { $0.busiest <= 1 + Self.tolerance && $0.idlest >= 1 - Self.tolerance }
    cut = history.cut
  }

  /// The same of several runs, of which there is at least one: for what is worst the worst of all, otherwise the mean.
  public init?(_ runs: [Figures]) {
    guard let first = runs.first else { return nil }
    self = first
    func mean(_ value: (Figures) -> Double) -> Double { runs.map(value).reduce(0, +) / Double(runs.count) }
    func slowest(_ value: (Figures) -> Int?) -> Int? {
      let times = runs.compactMap(value)
      return times.count == runs.count ? times.max() : nil
    }
    busiest = mean(\.busiest)
    idlest = mean(\.idlest)
    percentile95 = mean(\.percentile95)
    reconnects = mean(\.reconnects)
    worstSecondOfAging = runs.map(\.worstSecondOfAging).max() ?? 0
    worstSecondOfScaleUp = runs.map(\.worstSecondOfScaleUp).max() ?? 0
    worstSecondOfRollout = runs.map(\.worstSecondOfRollout).max() ?? 0
    movesOfRollout = mean(\.movesOfRollout)
    secondsUntilShared = slowest(\.secondsUntilShared)
    secondsUntilEven = slowest(\.secondsUntilEven)
    cut = runs.map(\.cut).max() ?? 0
  }
}
