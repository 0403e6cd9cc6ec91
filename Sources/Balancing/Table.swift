/// A port of a Service, as what it is known by beyond restarts.
public struct ServicePortName: Hashable, Sendable, CustomStringConvertible {
  public let service: ServiceName
  public let port: UInt16

  public init(service: ServiceName, port: UInt16) {
    (self.service, self.port) = (service, port)
  }

  public var description: String { "\(service):\(port)" }
}

/// What `connect()` chooses from when a client asks for one Service address and port.
public struct Table: Hashable, Sendable {
  public let address: SocketAddress
  public let servicePort: ServicePortName
  public let policy: Policy
  /// ClientIP affinity: how long an idle client keeps its endpoint, in whole seconds, at most 2^24-1; 0: no affinity.
  public let affinitySeconds: UInt32
  /// None: a connection is refused.
  public let endpoints: [SocketAddress]

  public init(
    address: SocketAddress, servicePort: ServicePortName, policy: Policy, affinitySeconds: UInt32 = 0,
    endpoints: [SocketAddress]
  ) {
    self.address = address
    self.servicePort = servicePort
    self.policy = policy
    self.affinitySeconds = affinitySeconds
    self.endpoints = endpoints
  }
}

extension ServicePort {
  public var servicePortName: ServicePortName { ServicePortName(service: service, port: port) }

  /// The endpoints that new connections from a node may go to, family by family: the ready ones; if there are none, those
  /// that are terminating and still serve (KEP-1669). With `internalTrafficPolicy: Local`, only this node's.
  public func eligibleEndpoints(on node: Node) -> [Endpoint] { eligibleEndpoints(on: node, isLocalOnly: isLocalOnly) }

  private func eligibleEndpoints(on node: Node, isLocalOnly: Bool) -> [Endpoint] {
    IPAddress.Family.allCases.flatMap { family in
      let endpoints = endpoints.filter { $0.address.ip.family == family }
      return isLocalOnly ? endpoints.filter(node.hosts).inService : endpoints.inService.meant(for: node)
    }
  }

  /// The tables of all its addresses, for clients on `node`. A Service of mode `off` has none: it is left alone.
  public func tables(on node: Node, defaultPolicy: Policy) -> [Table] {
    guard mode != .off else { return [] }
    let eligible = eligibleEndpoints(on: node, isLocalOnly: isLocalOnly)
    // A client within the cluster is not what `externalTrafficPolicy` is about, and an external address not what
    // `internalTrafficPolicy` is: kube-proxy goes by neither then (externalPolicyChain in pkg/proxy/iptables).
    let external =
      isLocalOnly && !externalAddresses.isEmpty ? eligibleEndpoints(on: node, isLocalOnly: false) : eligible
    return addresses.map { table($0, eligible, defaultPolicy) }
      + externalAddresses.map { table($0, external, defaultPolicy) }
  }

  private func table(_ ip: IPAddress, _ eligible: [Endpoint], _ defaultPolicy: Policy) -> Table {
    Table(
      address: SocketAddress(ip: ip, port: port), servicePort: servicePortName, policy: policy ?? defaultPolicy,
      affinitySeconds: affinityTimeout.map { UInt32(clamping: min($0.components.seconds, 0xff_ffff)) } ?? 0,
      endpoints: eligible.map(\.address).filter { $0.ip.family == ip.family })
  }
}

extension [Endpoint] {
  /// Those that are ready, or else those that are terminating and still serve.
  fileprivate var inService: [Endpoint] {
    let ready = filter { $0.state == .ready }
    return ready.isEmpty ? filter { $0.state == .serving } : ready
  }

  /// Of those in service, those that are meant for a node's clients.
  ///
  /// As kube-proxy (pkg/proxy/topology.go): hints hold only where each ready endpoint has some and one of them is meant
  /// for this node; those of nodes go before those of zones.
  fileprivate func meant(for node: Node) -> [Endpoint] {
    guard first?.state == .ready else { return self }
    let names: [(KeyPath<Endpoint.Hints, [String]>, String?)] = [(\.nodes, node.name), (\.zones, node.zone)]
    for case (let hints, let name?) in names where allSatisfy({ !$0.hints[keyPath: hints].isEmpty }) {
      let meant = filter { $0.hints[keyPath: hints].contains(name) }
      if !meant.isEmpty { return meant }
    }
    return self
  }
}

/// The node that the agent runs on.
public struct Node: Sendable, Equatable {
  /// Nil: unknown, so that every endpoint may be on it.
  public var name: String?
  /// Label `topology.kubernetes.io/zone`; nil: unknown, so that nothing is meant for it in particular.
  public var zone: String?

  public init(name: String?, zone: String? = nil) { (self.name, self.zone) = (name, zone) }

  public func hosts(_ endpoint: Endpoint) -> Bool {
    name == nil || endpoint.node == nil || endpoint.node == name
  }
}

extension Cluster {
  /// The tables of some Services' addresses, for clients on `node`.
  public func tables(
    of services: some Sequence<ServiceName>, on node: Node, defaultPolicy: Policy
  ) -> [SocketAddress: Table] {
    var tables: [SocketAddress: Table] = [:]
    for service in services {
      for table in ports(of: service).flatMap({ $0.tables(on: node, defaultPolicy: defaultPolicy) }) {
        tables[table.address] = table
      }
    }
    return tables
  }
}

/// One step from the tables in force to those wanted.
public enum TableChange: Hashable, Sendable {
  case publish(Table)
  case withdraw(SocketAddress)

  public var address: SocketAddress {
    switch self {
    case .publish(let table): table.address
    case .withdraw(let address): address
    }
  }
}

/// The steps from `old` to `new`, in a stable order. Tables that stay as they are take none.
public func changes(from old: [SocketAddress: Table], to new: [SocketAddress: Table]) -> [TableChange] {
  let withdrawn = old.keys.filter { new[$0] == nil }.sorted().map(TableChange.withdraw)
  let published = new.values.filter { old[$0.address] != $0 }.sorted { $0.address < $1.address }
  return withdrawn + published.map(TableChange.publish)
}
