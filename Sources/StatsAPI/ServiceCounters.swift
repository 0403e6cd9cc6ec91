internal import Balancing

/// Counters of a Service port that never go down while it exists, as Prometheus wants them.
///
/// The contract's counters are per endpoint and leave with it: their sum would drop at every rollout, which `rate()`
/// takes for a restart, and counts all of it again. Here, what an endpoint had counted stays.
struct ServiceCounters: Sendable {
  struct Key: Hashable, Sendable {
    let namespace: String
    let name: String
    let port: UInt16
  }

  /// The counters that the metrics show.
  struct Counts: Sendable, Equatable {
    var opened: UInt64 = 0
    var failed: UInt64 = 0
    var responses: UInt64 = 0
    var refused: UInt64 = 0
    /// By reason.
    var goaways: [String: UInt64] = [:]
  }

  private struct Port: Sendable {
    /// Of endpoints that have left.
    var departed = Counts()
    var present: [String: Counts] = [:]
  }

  private var ports: [Key: Port] = [:]

  /// Takes what some Service ports have counted, with all of their endpoints. To be called often enough that an endpoint
  /// does not leave with much uncounted.
  ///
  /// - Parameter goaways: by endpoint, then by reason.
  mutating func update(_ services: [Service], goaways: [SocketAddress: [String: UInt64]]) {
    for service in services {
      var now: [String: Counts] = [:]
      for endpoint in service.endpoints {
        let goaways = SocketAddress(endpoint.authority).flatMap { goaways[$0] } ?? [:]
        let counts = Counts(endpoint, goaways: goaways)
        // Most endpoints of a large cluster have nothing to do with this node.
        if counts.isAny { now[endpoint.authority] = counts }
      }
      ports[service.key] = Self.port(ports[service.key] ?? Port(), now: now)
    }
  }

  /// The Service port is gone.
  mutating func forget(_ key: Key) { ports[key] = nil }

  /// Something was counted for it.
  func knows(_ key: Key) -> Bool { ports[key].map { $0.departed.isAny || !$0.present.isEmpty } ?? false }

  /// Nothing counted for a port that was in no update.
  subscript(key: Key) -> Counts {
    guard let port = ports[key] else { return Counts() }
    return port.present.values.reduce(port.departed, +)
  }

  private static func port(_ before: Port, now: [String: Counts]) -> Port {
    var port = Port(departed: before.departed, present: now)
    for (authority, counts) in before.present {
      // An endpoint that counts less than before has left and come back in the meantime.
      if let now = now[authority], now.isAtLeast(counts) { continue }
      port.departed = port.departed + counts
    }
    return port
  }
}

extension ServiceCounters.Counts {
  fileprivate init(_ endpoint: ServiceEndpoint, goaways: [String: UInt64]) {
    self.init(
      opened: endpoint.outgoing.opened, failed: endpoint.outgoing.failed, responses: endpoint.incoming.responses,
      refused: endpoint.incoming.refused, goaways: goaways)
  }

  fileprivate static func + (a: Self, b: Self) -> Self {
    Self(
      opened: a.opened + b.opened, failed: a.failed + b.failed, responses: a.responses + b.responses,
      refused: a.refused + b.refused, goaways: a.goaways.merging(b.goaways, uniquingKeysWith: +))
  }

  fileprivate var isAny: Bool {
    opened > 0 || failed > 0 || responses > 0 || refused > 0 || goaways.values.contains { $0 > 0 }
  }

  fileprivate func isAtLeast(_ other: Self) -> Bool {
    opened >= other.opened && failed >= other.failed && responses >= other.responses && refused >= other.refused
      && other.goaways.allSatisfy { (goaways[$0.key] ?? 0) >= $0.value }
  }
}

extension Service {
  var key: ServiceCounters.Key { .init(namespace: namespace, name: name, port: port) }
}

extension ServiceEndpoint {
  /// `10.0.0.1:80` or `[fd00::1]:80`
  public var authority: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }
}
