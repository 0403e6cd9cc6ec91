/// How many requests each pod answered, over time, and what happened meanwhile: events, and GOAWAYs.
public struct ShareHistory: Sendable, Equatable {
  public struct Sample: Sendable, Equatable {
    /// Seconds since the beginning.
    public let start: Double
    public let end: Double
    public let counts: [String: Int]
    /// By reason.
    public let goaways: [String: Int]
  }

  public struct Event: Sendable, Equatable {
    /// Seconds since the beginning.
    public let time: Double
    public let title: String
  }

  /// Every pod, in the order in which they are shown.
  public let pods: [String]
  public private(set) var samples: [Sample] = []
  public private(set) var events: [Event] = []

  public init(pods: [String]) { self.pods = pods }

  /// Seconds until the end of the last sample.
  public var duration: Double { samples.last?.end ?? 0 }

  /// Adds what was counted between the last sample and `end`.
  public mutating func record(_ counts: [String: Int], goaways: [String: Int] = [:], until end: Double) {
    samples.append(Sample(start: duration, end: end, counts: counts, goaways: goaways))
  }

  /// Forgets the time at the end in which nothing was counted.
  public mutating func trimEnd() {
    while let last = samples.last, last.counts.values.allSatisfy({ $0 == 0 }) { samples.removeLast() }
  }

  public mutating func mark(_ title: String, at time: Double) {
    events.append(Event(time: time, title: title))
  }

  /// All that was counted in the last so many seconds, to whole samples.
  public func counts(ofLast seconds: Double) -> [String: Int] {
    counts(since: duration - seconds)
  }

  /// All that was counted in samples that began at a time or later.
  public func counts(since time: Double) -> [String: Int] {
    // Ends of samples are sums of many small numbers.
    let rounding = 0.001
    return samples.filter { $0.start >= time - rounding }.reduce(into: [:]) { $0.merge($1.counts, uniquingKeysWith: +) }
  }
}
