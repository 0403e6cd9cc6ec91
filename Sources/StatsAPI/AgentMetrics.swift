public import Balancing

/// The agent's metrics: what it counts over time is kept here; the rest is taken from the contract's values when asked.
public struct AgentMetrics: Sendable {
  /// From a connection's GOAWAY to its end: 10 ms to an hour, for long streams.
  private var drainDurations = Histogram(bounds: [0.01, 0.1, 1, 10, 60, 600, 3600])
  /// From a change in the input to the kernel's tables: 1 ms to 10 s.
  private var programming = Histogram(bounds: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 10])
  /// What a round of draining takes: 1 ms to 1 s.
  private var ticks = Histogram(bounds: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1])
  private var counters = ServiceCounters()
  private var orphansClosed: UInt64 = 0

  public init() {}

  /// Connections that were closed because they outlived their GOAWAY by the grace.
  public private(set) var drainClosures: UInt64 = 0

  /// Attempts to place a GOAWAY that came to no frame.
  public private(set) var busyAttempts: UInt64 = 0

  /// Notes that an attempt came to no frame, as the server wrote without a pause.
  public mutating func wasBusy() { busyAttempts += 1 }

  /// Notes that a connection has ended, so long after its GOAWAY: by itself, or closed because its grace was over.
  public mutating func drainEnded(after duration: Duration, wasClosed: Bool) {
    drainDurations.observe(duration.seconds)
    if wasClosed { drainClosures += 1 }
  }

  /// Notes that a change of the input is in force in the kernel, so long after it was read.
  public mutating func programmed(after duration: Duration) {
    programming.observe(duration.seconds)
  }

  /// Notes that a round of draining took so long: a look at all connections, the decisions, and the placements.
  public mutating func ticked(for duration: Duration) {
    ticks.observe(duration.seconds)
  }

  /// Notes that so many client connections were closed because their pod has vanished.
  public mutating func orphansClosed(_ count: Int) {
    orphansClosed += UInt64(count)
  }

  /// Notes what the endpoints of some Service ports have counted: before some of them leave, or what they counted since
  /// the last time is lost.
  ///
  /// - Parameter goaways: those ever placed on each endpoint's connections and seen on the wire, by reason.
  public mutating func count(_ services: [Service], goaways: [SocketAddress: [String: UInt64]]) {
    counters.update(services, goaways: goaways)
  }

  /// Notes that a Service port is gone.
  public mutating func forget(_ name: ServicePortName) { counters.forget(ServiceCounters.Key(name)) }

  /// Whether something was ever counted for a Service port that has not gone.
  public func knows(_ name: ServicePortName) -> Bool { counters.knows(ServiceCounters.Key(name)) }

  /// All metrics, at the moment that the values show.
  public mutating func families(
    status: Status, services: [Service], connections: [Connection], goaways: [SocketAddress: [String: UInt64]]
  ) -> [MetricFamily] {
    count(services, goaways: goaways)
    return Self.serviceFamilies(services, counters)
      + [Self.goawayFamily(services, counters), Self.undrainableFamily(connections, services)]
      + durationFamilies + [orphanFamily] + Self.agentFamilies(status)
  }
}

extension AgentMetrics {
  private typealias Sample = MetricFamily.Sample
  private typealias Label = MetricFamily.Label

  private static func serviceFamilies(_ services: [Service], _ counters: ServiceCounters) -> [MetricFamily] {
    func counter(_ name: String, _ help: String, _ count: (ServiceCounters.Counts) -> UInt64) -> MetricFamily {
      family(name, help, .counter, services.map { number(count(counters[$0.key]), $0.key.labels) })
    }
    return [
      family("connections_active", "Connections established now.", .gauge, services.flatMap(activeConnections)),
      counter("connections_opened_total", "Connections that this node's clients opened.", \.opened),
      counter("connections_failed_total", "Connections that this node's clients could not open.", \.failed),
      counter("responses_total", "Responses that this node's endpoints ended.", \.responses),
      counter("goaways_refused_total", "GOAWAYs bounced because the moment was not right, and tried again.", \.refused),
      family(
        "imbalance_ratio", "The busiest local endpoint's responses over the mean, in the last 10 s.", .gauge,
        services.compactMap { service in service.imbalance.map { Sample(.number($0), labels: service.key.labels) } }),
    ]
  }

  private static func activeConnections(of service: Service) -> [Sample] {
    let outgoing = service.endpoints.map(\.outgoing.active).reduce(0, +)
    let incoming = service.endpoints.map(\.incoming.active).reduce(0, +)
    return [
      number(outgoing, service.key.labels + [Label("direction", "outgoing")]),
      number(incoming, service.key.labels + [Label("direction", "incoming")]),
    ]
  }

  private static func goawayFamily(_ services: [Service], _ counters: ServiceCounters) -> MetricFamily {
    let samples = services.flatMap { service in
      counters[service.key].goaways.sorted { $0.key < $1.key }.map { reason, count in
        number(count, service.key.labels + [Label("reason", reason)])
      }
    }
    return family("goaways_total", "GOAWAYs placed and seen on the wire.", .counter, samples)
  }

  /// A connection says which endpoint it belongs to; the port is that of the Service with this endpoint.
  private static func undrainableFamily(_ connections: [Connection], _ services: [Service]) -> MetricFamily {
    struct Endpoint: Hashable { let namespace: String, name: String, authority: String }
    struct Group: Hashable { let service: ServiceCounters.Key, reason: String }
    var ports: [Endpoint: UInt16] = [:]
    for service in services {
      for endpoint in service.endpoints where endpoint.local {
        let key = Endpoint(namespace: service.namespace, name: service.name, authority: endpoint.authority)
        ports[key] = min(service.port, ports[key] ?? .max)
      }
    }
    var counts: [Group: UInt64] = [:]
    for connection in connections where connection.state == "undrainable" {
      let key = Endpoint(namespace: connection.namespace, name: connection.name, authority: connection.endpoint)
      // An endpoint that has left its Service: port 0, which no Service has.
      let service = ServiceCounters.Key(namespace: key.namespace, name: key.name, port: ports[key] ?? 0)
      counts[Group(service: service, reason: connection.reason ?? "unknown"), default: 0] += 1
    }
    let sorted = counts.sorted { ($0.key.service, $0.key.reason) < ($1.key.service, $1.key.reason) }
    return family(
      "undrainable_connections", "Connections that no GOAWAY can be placed on.", .gauge,
      sorted.map { number($0.value, $0.key.service.labels + [Label("reason", $0.key.reason)]) })
  }

  private var durationFamilies: [MetricFamily] {
    [
      Self.family(
        "drain_duration_seconds", "From a GOAWAY to the end of its connection.", .histogram,
        [Sample(.histogram(drainDurations))]),
      Self.family(
        "endpoint_programming_seconds", "From a change in the input to the kernel's tables.", .histogram,
        [Sample(.histogram(programming))]),
      Self.family(
        "tick_duration_seconds", "What a round of draining takes: look, decide, place.", .histogram,
        [Sample(.histogram(ticks))]),
    ]
  }

  private var orphanFamily: MetricFamily {
    Self.family(
      "orphans_closed_total", "Connections of this node's clients closed because their pod has vanished.", .counter,
      [Self.number(orphansClosed)])
  }

  private static func agentFamilies(_ status: Status) -> [MetricFamily] {
    [
      family(
        "drain_enabled", "1 while connections are drained, 0 while they are only spread.", .gauge,
        [number(status.drain.enabled ? 1 : 0)]),
      family(
        "goaways_busy_total", "Attempts without a GOAWAY as the server wrote without a pause, made again.", .counter,
        [number(status.drain.busy)]),
      family(
        "goaways_unguarded_total", "GOAWAYs that left without being checked: must stay 0.", .counter,
        [number(status.drain.unguarded)]),
      family(
        "drain_closures_total", "Connections closed because they outlived their GOAWAY by the grace.", .counter,
        [number(status.drain.closed)]),
      family(
        "map_entries", "Entries in a BPF map.", .gauge,
        status.maps.map { number(UInt64($0.entries), [Label("map", $0.name)]) }),
      family(
        "map_max_entries", "Entries that a BPF map has room for.", .gauge,
        status.maps.map { number(UInt64($0.maxEntries), [Label("map", $0.name)]) }),
      family(
        "outcomes_total", "How connects to Service addresses, and accepts, have ended.", .counter,
        status.outcomes.map { number($0.count, [Label("outcome", $0.name)]) }),
      family("build_info", "1, with the agent's version.", .gauge, [number(1, [Label("version", status.version)])]),
    ]
  }

  private static func family(
    _ name: String, _ help: String, _ kind: MetricFamily.Kind, _ samples: [Sample]
  ) -> MetricFamily {
    MetricFamily(name: "evenkeel_\(name)", help: help, kind: kind, samples: samples)
  }

  private static func number(_ value: UInt64, _ labels: [Label] = []) -> Sample {
    Sample(.number(Double(value)), labels: labels)
  }
}

extension ServiceCounters.Key: Comparable {
  fileprivate init(_ name: ServicePortName) {
    self.init(namespace: name.service.namespace, name: name.service.name, port: name.port)
  }

  fileprivate var labels: [MetricFamily.Label] {
    [.init("namespace", namespace), .init("service", name), .init("port", "\(port)")]
  }

  static func < (a: Self, b: Self) -> Bool { (a.namespace, a.name, a.port) < (b.namespace, b.name, b.port) }
}
