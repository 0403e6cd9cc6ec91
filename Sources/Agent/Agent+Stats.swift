internal import Balancing
internal import Datapath
internal import Draining
internal import Kernel
internal import Logging
internal import Shim
public import StatsAPI

#if canImport(Glibc)
  internal import Glibc
#endif

extension Agent: StatsProvider {
  public func services() -> [Service] {
    look()
    let incoming = IncomingView(connections: tracked, counters: incomingCounters)
    let outgoing = outgoingCounters
    return cluster.servicePorts.map { servicePort in
      Service(
        namespace: servicePort.service.namespace, name: servicePort.service.name, port: servicePort.port,
        portName: servicePort.portName, addresses: (servicePort.addresses + servicePort.externalAddresses).map(\.description),
        headless: servicePort.isHeadless, mode: servicePort.mode.rawValue,
        policy: (servicePort.policy ?? configuration.policy).rawValue, imbalance: imbalance(of: servicePort),
        endpoints: servicePort.endpoints.map { endpoint in
          let opened = outgoing(servicePort.servicePortName, endpoint.address)
          return ServiceEndpoint(
            address: endpoint.address.ip.description, port: endpoint.address.port, state: endpoint.state.rawValue,
            node: endpoint.node, zone: endpoint.zone, local: configuration.node.hosts(endpoint),
            outgoing: .init(active: opened.active, opened: opened.opened, failed: opened.failed),
            incoming: incoming.counters(of: endpoint.address))
        })
    }
  }

  private func imbalance(of servicePort: ServicePort) -> Double? {
    responses.imbalance(
      of: servicePort.endpoints.filter { $0.state == .ready && configuration.node.hosts($0) }.map(\.address))
  }

  public func connections() -> [Connection] {
    look()
    let (names, now) = (serviceNames, timeSinceBoot())
    return tracked.map { connection in
      let accepted = connection.accepted
      let name = names[accepted.endpoint]
      let (state, reason) = state(of: accepted)
      return Connection(
        id: accepted.id, namespace: name?.namespace ?? "", name: name?.name ?? "",
        endpoint: accepted.endpoint.description, peer: connection.peer.description,
        ageSeconds: (now - accepted.established).seconds, protocolName: connection.speaks.rawValue,
        responses: accepted.responses, state: state, reason: reason)
    }
  }

  /// The Service that each endpoint belongs to; of several the first by name that has an address of its own.
  private var serviceNames: [SocketAddress: ServiceName] {
    var names: [SocketAddress: ServiceName] = [:]
    for isHeadless in [false, true] {
      for servicePort in cluster.servicePorts where servicePort.isHeadless == isHeadless {
        for endpoint in servicePort.endpoints where names[endpoint.address] == nil {
          names[endpoint.address] = servicePort.service
        }
      }
    }
    return names
  }

  private func state(of connection: AcceptedConnection) -> (String, String?) {
    switch connection.condition {
    case .draining(_, let reason): ("draining", reason.rawValue)
    case .closing: ("undrainable", "server_goaway")
    case .undrainable(let reason): ("undrainable", reason.rawValue)
    case .open:
      scheduler.undrainableReason(of: connection.id).map { ("undrainable", $0.rawValue) } ?? ("open", nil)
    }
  }

  public func status() -> Status {
    look()
    let all = allEndpoints.map(incomingCounters)
    return Status(
      version: evenkeelVersion, pid: getpid(), uptimeSeconds: (timeSinceBoot() - started).seconds, ready: isReady,
      source: configuration.manifests, node: configuration.node.name, policy: configuration.policy.rawValue,
      services: Set(cluster.servicePorts.map(\.service)).count,
      endpoints: cluster.servicePorts.reduce(0) { $0 + $1.endpoints.count }, connections: tracked.count,
      drain: Status.Drain(
        enabled: isDraining, reason: drainProblem, intervalSeconds: configuration.drain.interval.seconds,
        jitterPercent: configuration.drain.jitterPercent, pacePercent: configuration.drain.pacePercent,
        rebalanceWindowSeconds: configuration.drain.rebalanceWindow.seconds,
        graceSeconds: configuration.drain.grace.seconds, queued: scheduler.queued,
        goaways: all.reduce(0) { $0 + $1.goaways.values.reduce(0, +) }, refused: all.reduce(0) { $0 + $1.refused },
        closed: recorded.drainClosures, unguarded: placer?.unguarded ?? 0),
      maps: datapath.usage.map { .init(name: $0.map, entries: $0.entries, maxEntries: $0.maxEntries) },
      warnings: cluster.warnings + [inputFailure].compactMap { $0 } + kernelFailures)
  }

  private var allEndpoints: Set<SocketAddress> {
    Set(cluster.servicePorts.lazy.flatMap(\.endpoints).map(\.address))
  }

  private var isDraining: Bool {
    if case .on = drainState { true } else { false }
  }

  private var drainProblem: String? {
    switch drainState {
    case .on: nil
    case .starting: "the self-test is under way"
    case .off(let reason): reason
    }
  }

  public func metrics() -> [MetricFamily] {
    recorded.families(
      status: status(), services: services(), connections: connections(), goaways: goawaysByReason())
  }

  func goawaysByReason() -> [SocketAddress: [String: UInt64]] {
    let counters = incomingCounters
    return Dictionary(
      uniqueKeysWithValues: allEndpoints.map { endpoint in
        let byReason = counters(endpoint).goaways.map { ($0.rawValue, $1) }
        return (endpoint, Dictionary(uniqueKeysWithValues: byReason))
      })
  }

  public func drain(_ request: DrainRequest) throws(DrainError) -> Int {
    if let reason = drainProblem { throw .unavailable(reason: reason) }
    guard let target = DrainTarget(request) else { throw .notFound }
    look()
    let answer = scheduler.request(
      target, among: tracked.map(\.accepted), of: cluster.servicePorts, at: timeSinceBoot())
    wake()
    guard case .queued(let count) = answer else { throw .notFound }
    return count
  }

  /// Where the kernel does not answer, there is nothing to show; the log says why.
  private var outgoingCounters: (ServicePortName, SocketAddress) -> OutgoingCounters {
    do { return try datapath.outgoingCounters() } catch {
      logger.error("\(error)")
      return { _, _ in OutgoingCounters() }
    }
  }

  private var incomingCounters: (SocketAddress) -> IncomingCounters {
    do { return try datapath.incomingCounters() } catch {
      logger.error("\(error)")
      return { _ in IncomingCounters() }
    }
  }
}

extension DrainTarget {
  /// Nil where the request names an endpoint by what is no address.
  fileprivate init?(_ request: DrainRequest) {
    switch request {
    case .service(let namespace, let name): self = .service(ServiceName(namespace: namespace, name: name))
    case .endpoint(let text):
      guard let address = SocketAddress(text) else { return nil }
      self = .endpoint(address)
    case .connection(let id): self = .connection(id)
    }
  }
}

/// What endpoints have accepted: cumulative counters from the kernel, present connections from a snapshot.
private struct IncomingView {
  private let counters: (SocketAddress) -> IncomingCounters
  private var active: [SocketAddress: UInt64] = [:]
  private var draining: [SocketAddress: UInt64] = [:]

  init(connections: [TrackedConnection], counters: @escaping (SocketAddress) -> IncomingCounters) {
    self.counters = counters
    for connection in connections {
      active[connection.accepted.endpoint, default: 0] += 1
      if case .draining = connection.accepted.condition { draining[connection.accepted.endpoint, default: 0] += 1 }
    }
  }

  func counters(of endpoint: SocketAddress) -> ServiceEndpoint.Incoming {
    let counters = counters(endpoint)
    return ServiceEndpoint.Incoming(
      active: active[endpoint] ?? 0, draining: draining[endpoint] ?? 0, responses: counters.responses,
      goaways: counters.goaways.values.reduce(0, +), refused: counters.refused, opaque: counters.opaque)
  }
}
