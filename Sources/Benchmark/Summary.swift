/// What is left of several rounds: the median, and how far they are apart.
public struct Summary: Codable, Sendable, Equatable {
  public let median: Double
  public let least: Double
  public let most: Double

  /// Nil of no values.
  public init?(_ values: [Double]) {
    let sorted = values.sorted()
    guard let least = sorted.first, let most = sorted.last else { return nil }
    let middle = sorted.count / 2
    (self.least, self.most) = (least, most)
    median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}

/// The median of many values, and how far it may be off.
public struct Estimate: Sendable, Equatable {
  public let median: Double
  /// One standard error; not a number of a single value.
  public let error: Double

  /// Nil of no values.
  ///
  /// The standard deviation is reckoned by how far half of the values are from the median at most, which is 0.674 of it:
  /// a few that were disturbed count for nothing. The error of a median is 1.253 times that of a mean.
  public init?(_ values: [Double]) {
    guard let median = Summary(values)?.median, let half = Summary(values.map { ($0 - median).magnitude })?.median
    else {
      return nil
    }
    self.median = median
    error = values.count > 1 ? 1.253 * half / 0.674 / Double(values.count).squareRoot() : .nan
  }
}

extension [[Measure: Double]] {
  /// Of each measure the median: a slice in which the machine had other things to do does not count.
  public var medians: [Measure: Double] {
    reduce(into: [Measure: [Double]]()) { all, values in
      for (measure, value) in values { all[measure, default: []].append(value) }
    }.compactMapValues { Summary($0)?.median }
  }
}

/// How often something happened in the course of time.
public struct Events: Codable, Sendable, Equatable {
  /// By the tenth of a second, of whatever clock, in which they happened.
  private var counts: [Int: Int] = [:]

  public init() {}

  /// - Parameter time: in seconds.
  public mutating func add(at time: Double) { counts[Int((time * Self.parts).rounded(.down)), default: 0] += 1 }

  public mutating func add(_ other: Events) { counts.merge(other.counts, uniquingKeysWith: +) }

  private static let parts = 10.0

  public var count: Int { counts.values.reduce(0, +) }

  /// The most in any second, to a tenth wherever it begins; 0 of none.
  public var mostInASecond: Int {
    counts.keys.map { start in
      (start..<start + Int(Self.parts)).reduce(0) { $0 + (counts[$1] ?? 0) }
    }.max() ?? 0
  }
}

/// Times in whole microseconds, cut off, as h2load and a clock's difference give them.
public struct Latencies: Sendable, Equatable {
  /// How many took so many microseconds: the index.
  private var counts: [Int] = []
  public private(set) var count = 0

  public init() {}

  public init(_ microseconds: [Int]) { for time in microseconds { add(time) } }

  public mutating func add(_ microseconds: Int) {
    let time = min(max(microseconds, 0), Self.longest)
    if time >= counts.count { counts += Array(repeating: 0, count: time + 1 - counts.count) }
    counts[time] += 1
    count += 1
  }

  /// A second: what takes longer counts as that.
  private static let longest = 1_000_000

  /// The time that a part of all stays below, in microseconds; nil of none.
  ///
  /// Those that took n microseconds are taken to be spread evenly from n to n + 1: the median of grouped data. A request
  /// on one machine takes some 30 µs, and whole microseconds would show nothing smaller than 3 %.
  public func quantile(_ part: Double) -> Double? {
    guard count > 0 else { return nil }
    let wanted = min(max(part, 0), 1) * Double(count)
    var below = 0.0
    for (time, number) in counts.enumerated() where number > 0 {
      if below + Double(number) >= wanted { return Double(time) + (wanted - below) / Double(number) }
      below += Double(number)
    }
    return Double(counts.count)
  }
}
