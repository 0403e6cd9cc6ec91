internal import StatsAPI

/// Responses per second of every endpoint, between two looks at the Services.
struct Rates {
  private struct Key: Hashable {
    let namespace: String, name: String, port: UInt16, authority: String
  }

  private let before: [Key: UInt64]
  private let seconds: Double

  /// - Parameter elapsed: from that look to the one whose rates are asked for.
  init(since services: [StatsAPI.Service], elapsed: Duration) {
    var before: [Key: UInt64] = [:]
    for service in services {
      for endpoint in service.endpoints { before[Self.key(endpoint, service)] = endpoint.incoming.responses }
    }
    self.before = before
    seconds = max(elapsed / .seconds(1), 0.001)
  }

  /// 0 for an endpoint that was not there before, or that counts anew.
  func rate(of endpoint: ServiceEndpoint, in service: StatsAPI.Service) -> Double {
    guard let before = before[Self.key(endpoint, service)], endpoint.incoming.responses >= before else { return 0 }
    return Double(endpoint.incoming.responses - before) / seconds
  }

  private static func key(_ endpoint: ServiceEndpoint, _ service: StatsAPI.Service) -> Key {
    Key(namespace: service.namespace, name: service.name, port: service.port, authority: endpoint.authority)
  }
}
