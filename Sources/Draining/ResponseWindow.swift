public import Balancing

/// How many responses each endpoint has ended in the last ten seconds, from samples of counters that only grow.
public struct ResponseWindow: Sendable {
  public static let length = Duration.seconds(10)
  /// Samples are gathered into spans of at least this length, so that frequent ones take no more memory than rare ones.
  static let resolution = Duration.seconds(1)

  private var counters: [SocketAddress: UInt64] = [:]
  private var spans: [Span] = []
  private var lastSample: Duration?

  private struct Span: Sendable {
    var begin: Duration
    var end: Duration
    var responses: [SocketAddress: UInt64] = [:]
  }

  public init() {}

  /// Takes the counters of all endpoints, as they are at this time since boot.
  ///
  /// What an endpoint had counted before its first sample is not traffic of this window. A counter that has become
  /// smaller was restarted: it counts from zero.
  public mutating func add(_ sample: [SocketAddress: UInt64], at now: Duration) {
    if let begin = lastSample { add(increments(to: sample), from: begin, to: now) }
    (counters, lastSample) = (sample, now)
    spans.removeAll { $0.begin + Self.length < now }
  }

  private func increments(to sample: [SocketAddress: UInt64]) -> [SocketAddress: UInt64] {
    var increments: [SocketAddress: UInt64] = [:]
    for (endpoint, count) in sample {
      guard let before = counters[endpoint], count != before else { continue }
      increments[endpoint] = count > before ? count - before : count
    }
    return increments
  }

  private mutating func add(_ responses: [SocketAddress: UInt64], from begin: Duration, to end: Duration) {
    guard let last = spans.indices.last, spans[last].end - spans[last].begin < Self.resolution else {
      return spans.append(Span(begin: begin, end: end, responses: responses))
    }
    spans[last].end = end
    spans[last].responses.merge(responses, uniquingKeysWith: +)
  }

  /// How uneven the load of these endpoints, the ready ones of one Service port on this node, was up to the last sample:
  /// the busiest one's responses over the mean. From 1, perfectly even, to their number. Nil without traffic.
  public func imbalance(of endpoints: some Sequence<SocketAddress>) -> Double? {
    let responses = endpoints.map { endpoint in
      spans.reduce(into: 0.0) { sum, span in sum += Double(span.responses[endpoint] ?? 0) }
    }
    let total = responses.reduce(0, +)
    guard total > 0, let busiest = responses.max() else { return nil }
    return busiest / (total / Double(responses.count))
  }
}
