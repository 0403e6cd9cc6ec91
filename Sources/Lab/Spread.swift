/// How evenly something is spread over pods: requests, connections.
public struct Spread: Sendable, Equatable {
  /// In the order of the pods; a pod without any counts as 0.
  public let counts: [Int]

  public init(_ counts: [String: Int], over pods: [String]) {
    self.counts = pods.map { counts[$0] ?? 0 }
  }

  public var total: Int { counts.reduce(0, +) }

  /// The part of the whole that each pod has, 0 to 1; all 0 where there is nothing.
  public var shares: [Double] { counts.map { total == 0 ? 0 : Double($0) / Double(total) } }

  /// The busiest pod over the mean, 1.0 if all are alike; nil where there is nothing.
  public var busiest: Double? { overMean(counts.max()) }

  /// The idlest pod over the mean, 0.0 for a pod that gets nothing; nil where there is nothing.
  public var idlest: Double? { overMean(counts.min()) }

  private func overMean(_ count: Int?) -> Double? {
    guard let count, total > 0 else { return nil }
    return Double(count * counts.count) / Double(total)
  }

  /// Whether no pod is further from the mean than by a part of it; never where there is nothing.
  public func isEven(within tolerance: Double) -> Bool {
    guard let busiest, let idlest else { return false }
    return busiest <= 1 + tolerance && idlest >= 1 - tolerance
  }
}
