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
    return services(cluster.servicePorts)
  }

  private func services(_ servicePorts: [ServicePort]) -> [Service] {
    let incoming = IncomingView(connections: tracked, counters: incomingCounters)
    let outgoing = outgoingCounters
    return servicePorts.map { service($0, outgoing: outgoing, incoming: incoming.counters) }
  }

  private func service(
    _ servicePort: ServicePort, outgoing: (ServicePortName, SocketAddress) -> OutgoingCounters,
    incoming: (SocketAddress) -> ServiceEndpoint.Incoming
  ) -> Service {
    Service(
      namespace: servicePort.service.namespace, name: servicePort.service.name, port: servicePort.port,
      portName: servicePort.portName,
      addresses: (servicePort.addresses + servicePort.externalAddresses).map(\.description),
      headless: servicePort.isHeadless, mode: servicePort.mode.rawValue,
      policy: (servicePort.policy ?? configuration.policy).rawValue, imbalance: imbalance(of: servicePort),
      endpoints: servicePort.endpoints.map { endpoint in
        let opened = outgoing(servicePort.servicePortName, endpoint.address)
        return ServiceEndpoint(
          address: endpoint.address.ip.description, port: endpoint.address.port, state: endpoint.state.rawValue,
          node: endpoint.node, zone: endpoint.zone, local: node.hosts(endpoint),
          outgoing: .init(active: opened.active, opened: opened.opened, failed: opened.failed),
          incoming: incoming(endpoint.address))
      })
  }

  /// Counts once more what endpoints have done that are about to leave their Service ports.
  func countLeaving(_ old: [ServicePort], _ new: [ServicePort]) {
    let stay = Dictionary(uniqueKeysWithValues: new.map { ($0.servicePortName, Set($0.endpoints.map(\.address))) })
    for servicePort in old {
      guard let stay = stay[servicePort.servicePortName] else {
        recorded.forget(servicePort.servicePortName)
        continue
      }
      if servicePort.endpoints.contains(where: { !stay.contains($0.address) }) { count(servicePort) }
    }
  }

  private func count(_ servicePort: ServicePort) {
    let (name, endpoints) = (servicePort.servicePortName, servicePort.endpoints.map(\.address))
    var outgoing: [SocketAddress: OutgoingCounters] = [:]
    var incoming: [SocketAddress: IncomingCounters] = [:]
    do {
      for endpoint in endpoints {
        outgoing[endpoint] = try datapath.tables.counters(of: name, endpoint)
        incoming[endpoint] = try datapath.incomingCounters(of: endpoint)
      }
    } catch {
      logger.error("what the endpoints of \(name) have counted is lost: \(error)")
      return
    }
    let counted = { incoming[$0] ?? IncomingCounters() }
    let view = service(
      servicePort, outgoing: { outgoing[$1] ?? OutgoingCounters() },
      incoming: { IncomingView(connections: [], counters: counted).counters(of: $0) })
    recorded.count([view], goaways: Self.goawaysByReason(of: endpoints, counted))
  }

  private func imbalance(of servicePort: ServicePort) -> Double? {
    responses.imbalance(
      of: servicePort.endpoints.filter { $0.state == .ready && node.hosts($0) }.map(\.address))
  }

  public func connections() -> [Connection] {
    let now = timeSinceBoot()
    return connectionDetails.map { connection in
      let accepted = connection.accepted
      let name = localEndpoints.service(of: accepted.endpoint)
      let (state, reason) = state(of: accepted)
      return Connection(
        id: accepted.id, namespace: name?.namespace ?? "", name: name?.name ?? "",
        endpoint: accepted.endpoint.description, peer: connection.peer.description,
        ageSeconds: (now - accepted.established).seconds, protocolName: connection.speaks.rawValue,
        responses: accepted.responses, state: state, reason: reason)
    }
  }

  /// Of the connections, also what only people want to know.
  private var connectionDetails: [TrackedConnection] {
    do { return try datapath.connections() } catch {
      logger.error("\(error)")
      return []
    }
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
    return currentStatus
  }

  private var currentStatus: Status {
    let all = localEndpoints.addresses.map(incomingCounters)
    let ports = cluster.servicePorts
    return Status(
      version: evenkeelVersion, pid: getpid(), uptimeSeconds: (timeSinceBoot() - started).seconds, ready: isReady,
      source: input.description, node: configuration.node.name, policy: configuration.policy.rawValue,
      services: Set(ports.map(\.service)).count,
      endpoints: ports.reduce(0) { $0 + $1.endpoints.count }, connections: tracked.count,
      drain: Status.Drain(
        enabled: isDraining, reason: drainProblem, intervalSeconds: configuration.drain.interval.seconds,
        jitterPercent: configuration.drain.jitterPercent, pacePercent: configuration.drain.pacePercent,
        rebalanceWindowSeconds: configuration.drain.rebalanceWindow.seconds,
        graceSeconds: configuration.drain.grace.seconds, queued: scheduler.queued,
        goaways: all.reduce(0) { $0 + $1.goaways.values.reduce(0, +) }, refused: all.reduce(0) { $0 + $1.refused },
        busy: recorded.busyAttempts, closed: recorded.drainClosures, unguarded: placer?.unguarded ?? 0),
      maps: datapath.usage.map { .init(name: $0.map, entries: $0.entries, maxEntries: $0.maxEntries) },
      outcomes: outcomes.map { .init(name: $0.outcome.rawValue, count: $0.count) },
      warnings: cluster.warnings + input.problems + [inputFailure].compactMap { $0 } + kernelFailures)
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

  /// Of the Services that this node has a part in: a node of a large cluster knows thousands, and talks to few.
  public func metrics() -> [MetricFamily] {
    look()
    let outgoing = outgoingCounters
    let shown = cluster.servicePorts.filter { servicePort in
      recorded.knows(servicePort.servicePortName)
        || servicePort.endpoints.contains {
          node.hosts($0) || outgoing(servicePort.servicePortName, $0.address) != OutgoingCounters()
        }
    }
    return recorded.families(
      status: currentStatus, services: services(shown), connections: connections(),
      goaways: Self.goawaysByReason(of: localEndpoints.addresses, incomingCounters))
  }

  private static func goawaysByReason(
    of endpoints: some Sequence<SocketAddress>, _ counters: (SocketAddress) -> IncomingCounters
  ) -> [SocketAddress: [String: UInt64]] {
    Dictionary(
      uniqueKeysWithValues: endpoints.map { endpoint in
        let byReason = counters(endpoint).goaways.map { ($0.rawValue, $1) }
        return (endpoint, Dictionary(uniqueKeysWithValues: byReason))
      })
  }

  public func drain(_ request: DrainRequest) throws(DrainError) -> Int {
    if let reason = drainProblem { throw .unavailable(reason: reason) }
    guard let target = DrainTarget(request) else { throw .notFound }
    look()
    let answer = scheduler.request(
      target, among: tracked, of: cluster.servicePorts, at: timeSinceBoot())
    wake()
    guard case .queued(let count) = answer else { throw .notFound }
    return count
  }

  /// Where the kernel does not answer, there is nothing to show; the log says why.
  private var outgoingCounters: (ServicePortName, SocketAddress) -> OutgoingCounters {
    do { return try datapath.tables.counters() } catch {
      logger.error("\(error)")
      return { _, _ in OutgoingCounters() }
    }
  }

  private var outcomes: [(outcome: Outcome, count: UInt64)] {
    do { return try datapath.outcomeCounters() } catch {
      logger.error("\(error)")
      return []
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

  init(connections: [AcceptedConnection], counters: @escaping (SocketAddress) -> IncomingCounters) {
    self.counters = counters
    for connection in connections {
      active[connection.endpoint, default: 0] += 1
      if case .draining = connection.condition { draining[connection.endpoint, default: 0] += 1 }
    }
  }

  func counters(of endpoint: SocketAddress) -> ServiceEndpoint.Incoming {
    let counters = counters(endpoint)
    return ServiceEndpoint.Incoming(
      active: active[endpoint] ?? 0, draining: draining[endpoint] ?? 0, responses: counters.responses,
      goaways: counters.goaways.values.reduce(0, +), refused: counters.refused, opaque: counters.opaque)
  }
}
