import StatsAPI

extension [StatsAPI.Service] {
  /// Two Services: one with traffic, local and remote endpoints, one headless without any.
  static let sample = [
    StatsAPI.Service(
      namespace: "shop", name: "cart", port: 80, portName: "grpc", addresses: ["10.96.0.10"], headless: false,
      mode: "balance", policy: "least-connections", imbalance: 1.5,
      endpoints: [
        endpoint("10.244.0.9", outgoing: 2, incoming: 3, draining: 1, responses: 750),
        endpoint("fd00:10:244::1234:5678:9abc", state: "serving", outgoing: 1, incoming: 1, responses: 250),
        endpoint("10.244.1.7", local: false, outgoing: 4),
      ]),
    StatsAPI.Service(
      namespace: "shop", name: "db", port: 5432, portName: "", addresses: [], headless: true, mode: "spread",
      policy: "random", imbalance: nil, endpoints: []),
  ]

  private static func endpoint(
    _ address: String, state: String = "ready", local: Bool = true, outgoing: UInt64 = 0, incoming: UInt64 = 0,
    draining: UInt64 = 0, responses: UInt64 = 0
  ) -> ServiceEndpoint {
    ServiceEndpoint(
      address: address, port: 50051, state: state, node: nil, zone: nil, local: local,
      outgoing: .init(active: outgoing), incoming: .init(active: incoming, draining: draining, responses: responses))
  }
}

extension [Connection] {
  /// In an order that no table shows.
  static let sample = [
    connection(3, "web", "10.244.0.10:80", age: 5, state: "undrainable", reason: "not_http2"),
    connection(4, "cart", "10.244.0.10:50051", age: 12.9),
    connection(1, "cart", "10.244.0.9:50051", age: 12.9, state: "draining", reason: "max_age"),
    connection(2, "cart", "10.244.0.9:50051", age: 5400),
  ]

  private static func connection(
    _ id: UInt64, _ name: String, _ endpoint: String, age: Double, state: String = "open", reason: String? = nil
  ) -> Connection {
    Connection(
      id: id, namespace: "shop", name: name, endpoint: endpoint, peer: "10.244.0.21:40312", ageSeconds: age,
      protocolName: "h2", responses: 881, state: state, reason: reason)
  }
}

extension Status {
  static let sample = Status(
    version: "1.2.3", pid: 4242, uptimeSeconds: 5430.5, ready: true, source: "/etc/evenkeel", node: "n1",
    policy: "least-connections", services: 2, endpoints: 1, connections: 41,
    drain: Drain(
      enabled: true, reason: nil, intervalSeconds: 600, jitterPercent: 10, pacePercent: 2.5, rebalanceWindowSeconds: 10,
      graceSeconds: 30,
      queued: 1, goaways: 120, refused: 2, busy: 1, closed: 0, unguarded: 0),
    maps: [
      MapUsage(name: "services", entries: 4, maxEntries: 1024),
      MapUsage(name: "endpoints", entries: 1024, maxEntries: 1024),
    ],
    outcomes: [
      Outcome(name: "spread", count: 44), Outcome(name: "no_endpoints", count: 3),
      Outcome(name: "not_tracked", count: 0),
    ],
    warnings: ["Service shop/cart: evenkeel.io/mode is \u{1B}[31modd"])
}
