/// What is measured of each contender in each round.
public enum Measure: String, Codable, Sendable, CaseIterable, CodingKeyRepresentable {
  case small, smallMedian, smallTail
  case oneMedian, oneTail
  case bulk, large
  case machineCPU, clientCPU, serverCPU, proxyCPU
  case exchanges, exchangeMedian
  /// Of client and server together, where only they are measured.
  case smallCPU, bulkCPU, largeCPU, exchangeCPU

  public var title: String {
    switch self {
    case .small: "200 B"
    case .smallMedian: "64 at once, p50"
    case .smallTail: "64 at once, p99"
    case .oneMedian: "one at a time, p50"
    case .oneTail: "one at a time, p99"
    case .bulk: "100 kB"
    case .large: "4 MB"
    case .machineCPU: "CPU: machine"
    case .clientCPU: "CPU: client"
    case .serverCPU: "CPU: server"
    case .proxyCPU: "CPU: proxy"
    case .exchanges: "connect, ask, close"
    case .exchangeMedian: "connect, ask, close, p50"
    case .smallCPU: "200 B, CPU"
    case .bulkCPU: "100 kB, CPU"
    case .largeCPU: "4 MB, CPU"
    case .exchangeCPU: "connect, ask, close, CPU"
    }
  }

  public var unit: String {
    switch self {
    case .small, .bulk, .large, .exchanges: "per s"
    case .smallMedian, .smallTail, .oneMedian, .oneTail, .exchangeMedian: "µs"
    case .machineCPU, .clientCPU, .serverCPU, .proxyCPU, .smallCPU, .bulkCPU, .largeCPU, .exchangeCPU:
      "s per million requests"
    }
  }

  /// Whether more of it is better.
  public var isRate: Bool { unit == "per s" }

  /// What it may be against the direct way; nil: there is no target.
  public var target: Target? {
    switch self {
    case .small, .exchanges: .atLeast(0.98)
    case .bulk, .large: .atLeast(0.97)
    case .oneMedian, .oneTail, .machineCPU, .smallCPU: .atMost(1.02)
    case .smallMedian, .smallTail, .clientCPU, .serverCPU, .proxyCPU, .exchangeMedian: nil
    case .bulkCPU, .largeCPU, .exchangeCPU: nil
    }
  }
}

/// What a figure should be.
public enum Target: Codable, Sendable, Equatable, CustomStringConvertible {
  case atLeast(Double)
  case atMost(Double)

  public func isMet(by figure: Double) -> Bool {
    switch self {
    case .atLeast(let limit): figure >= limit
    case .atMost(let limit): figure <= limit
    }
  }

  public var description: String {
    switch self {
    case .atLeast(let limit): "≥ \(number(limit))"
    case .atMost(let limit): "≤ \(number(limit))"
    }
  }
}
