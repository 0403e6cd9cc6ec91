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

  /// The endpoints that new connections may go to: the ready ones; if there are none, those that are terminating and
  /// still serve (KEP-1669). With `internalTrafficPolicy: Local`, only this node's.
  public func eligibleEndpoints(on node: Node) -> [Endpoint] {
    let reachable = isLocalOnly ? endpoints.filter(node.hosts) : endpoints
    let ready = reachable.filter { $0.state == .ready }
    return ready.isEmpty ? reachable.filter { $0.state == .serving } : ready
  }
}

/// The node that the agent runs on.
public struct Node: Sendable, Equatable {
  /// Nil: unknown, so that every endpoint may be on it.
  public let name: String?

  public init(name: String?) { self.name = name }

  public func hosts(_ endpoint: Endpoint) -> Bool {
    name == nil || endpoint.node == nil || endpoint.node == name
  }
}

extension Cluster {
  /// The endpoints of a node whose connections are tracked: those of all Services but the ones in mode `off`.
  public func trackedEndpoints(on node: Node) -> Set<SocketAddress> {
    Set(servicePorts.lazy.filter { $0.mode != .off }.flatMap(\.endpoints).filter(node.hosts).map(\.address))
  }

  /// The tables of all Service addresses, for clients on `node`. A Service of mode `off` has none: it is left alone.
  public func tables(on node: Node, defaultPolicy: Policy) -> [SocketAddress: Table] {
    var tables: [SocketAddress: Table] = [:]
    for servicePort in servicePorts where servicePort.mode != .off {
      let eligible = servicePort.eligibleEndpoints(on: node).map(\.address)
      for ip in servicePort.addresses {
        let address = SocketAddress(ip: ip, port: servicePort.port)
        tables[address] = Table(
          address: address, servicePort: servicePort.servicePortName, policy: servicePort.policy ?? defaultPolicy,
          affinitySeconds: servicePort.affinityTimeout.map { UInt32(clamping: min($0.components.seconds, 0xff_ffff)) }
            ?? 0,
          endpoints: eligible.filter { $0.ip.family == ip.family })
      }
    }
    return tables
  }
}

/// One step from the tables in force to those wanted.
public enum TableChange: Hashable, Sendable {
  case publish(Table)
  case withdraw(SocketAddress)
}

/// The steps from `old` to `new`, in a stable order. Tables that stay as they are take none.
public func changes(from old: [SocketAddress: Table], to new: [SocketAddress: Table]) -> [TableChange] {
  let withdrawn = old.keys.filter { new[$0] == nil }.sorted().map(TableChange.withdraw)
  let published = new.values.filter { old[$0.address] != $0 }.sorted { $0.address < $1.address }
  return withdrawn + published.map(TableChange.publish)
}
