import StatsAPI

extension Service {
  static let sample = Service(
    namespace: "shop", name: "cart", port: 80, portName: "grpc", addresses: ["10.96.0.10"], headless: false,
    mode: "balance", policy: "least-connections", imbalance: 1.04, endpoints: [.sample])
}

extension ServiceEndpoint {
  static let sample = ServiceEndpoint(
    address: "10.244.0.11", port: 50051, state: "ready", node: "n1", zone: "a", local: true,
    outgoing: Outgoing(active: 3, opened: 41, failed: 0),
    incoming: Incoming(active: 3, draining: 1, responses: 18231, goaways: 7, refused: 2, opaque: 0))
}

extension Connection {
  static let sample = Connection(
    id: 4711, namespace: "shop", name: "cart", endpoint: "10.244.0.11:50051", peer: "10.244.0.21:40312",
    ageSeconds: 12.4, protocolName: "h2", responses: 881, state: "open", reason: nil)
}

extension Status {
  static let sample = Status(
    version: "1.2.3", pid: 4242, uptimeSeconds: 5430.5, ready: true, source: "/etc/evenkeel", node: nil,
    policy: "maglev", services: 2, endpoints: 6, connections: 41,
    drain: Drain(
      enabled: true, reason: nil, intervalSeconds: 600, jitterPercent: 10, pacePercent: 2.5, rebalanceWindowSeconds: 10,
      graceSeconds: 0, queued: 1,
      goaways: 120, refused: 3, busy: 1, closed: 0, unguarded: 0),
    maps: [MapUsage(name: "services", entries: 4, maxEntries: 1024)],
    outcomes: [Outcome(name: "spread", count: 44), Outcome(name: "no_endpoints", count: 3)],
    warnings: ["Service shop/cart: odd"])
}
