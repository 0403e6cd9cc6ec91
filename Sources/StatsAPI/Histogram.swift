/// How often a value fell into which range: a histogram as Prometheus defines it.
public struct Histogram: Sendable, Equatable {
  /// The buckets' upper bounds, inclusive, ascending; one more bucket has none.
  public let bounds: [Double]
  /// Observations by bucket, not cumulated; the last holds what is above every bound.
  public private(set) var counts: [UInt64]
  public private(set) var sum = 0.0

  public init(bounds: [Double]) {
    precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<), "bounds ascend")
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  public var count: UInt64 { counts.reduce(0, +) }

  public mutating func observe(_ value: Double) {
    counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
    sum += value
  }
}
