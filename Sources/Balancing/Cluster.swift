/// What Kubernetes says at one moment, in the terms of this project: the input of everything else.
///
/// Made from Service and EndpointSlice objects by one decoder, whichever way they arrive.
public struct Cluster: Sendable, Equatable {
  private var services: [ServiceName: ServiceState] = [:]
  /// The zone of the agent's node, where it is known.
  public private(set) var zone: String?
  /// What is wrong beyond single Services.
  public private(set) var generalWarnings: [String]

  private struct ServiceState: Sendable, Equatable {
    /// Sorted by port.
    var ports: [ServicePort] = []
    var warnings: [String] = []
  }

  /// - Parameter servicePorts: `(service, port)` is unique.
  public init(servicePorts: [ServicePort] = [], zone: String? = nil, warnings: [String] = []) {
    (self.zone, generalWarnings) = (zone, warnings)
    for port in servicePorts { services[port.service, default: ServiceState()].ports.append(port) }
    for service in services.keys { services[service]?.ports.sort { $0.port < $1.port } }
  }

  /// Sorted by Service name, then port.
  public var servicePorts: [ServicePort] { sorted.flatMap(\.ports) }

  /// What was understood in spite of being wrong: shown in the log and in `status`.
  public var warnings: [String] { generalWarnings + sorted.flatMap(\.warnings) }

  public var serviceNames: some Sequence<ServiceName> { services.keys }

  /// Sorted by port; none if there is no such Service.
  public func ports(of service: ServiceName) -> [ServicePort] { services[service]?.ports ?? [] }

  /// What was understood of one Service in spite of being wrong.
  public func warnings(of service: ServiceName) -> [String] { services[service]?.warnings ?? [] }

  /// The same, with one more warning beyond single Services.
  public func adding(_ warning: String) -> Cluster {
    var cluster = self
    cluster.generalWarnings.append(warning)
    return cluster
  }

  private var sorted: [ServiceState] { services.sorted { $0.key < $1.key }.map(\.value) }
}

/// What has changed in a cluster. Costs what it changes, not what the cluster holds.
public struct ClusterUpdate: Sendable, Equatable {
  /// The Services that have changed, each once.
  public var services: [ServiceUpdate]
  /// The zone of the agent's node from now on.
  public var zone: String?
  /// All that is wrong beyond single Services.
  public var warnings: [String]

  public init(services: [ServiceUpdate] = [], zone: String? = nil, warnings: [String] = []) {
    (self.services, self.zone, self.warnings) = (services, zone, warnings)
  }
}

/// What one Service has come to be.
public struct ServiceUpdate: Sendable, Equatable {
  public var service: ServiceName
  /// Sorted by port. None: it is gone, or nothing to spread.
  public var ports: [ServicePort]
  /// What was understood in spite of being wrong.
  public var warnings: [String]

  public init(service: ServiceName, ports: [ServicePort] = [], warnings: [String] = []) {
    (self.service, self.ports, self.warnings) = (service, ports, warnings)
  }
}

extension Cluster {
  public mutating func apply(_ update: ClusterUpdate) {
    for service in update.services {
      let state = ServiceState(ports: service.ports, warnings: service.warnings)
      services[service.service] = state == ServiceState() ? nil : state
    }
    (zone, generalWarnings) = (update.zone, update.warnings)
  }

  /// What makes `new` of this cluster.
  public func update(to new: Cluster) -> ClusterUpdate {
    let gone = services.keys.filter { new.services[$0] == nil }
    let changed = new.services.filter { services[$0.key] != $0.value }
    let updates =
      gone.map { ServiceUpdate(service: $0) }
      + changed.map { ServiceUpdate(service: $0.key, ports: $0.value.ports, warnings: $0.value.warnings) }
    return ClusterUpdate(
      services: updates.sorted { $0.service < $1.service }, zone: new.zone, warnings: new.generalWarnings)
  }
}

public struct ServiceName: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let namespace: String
  public let name: String

  public init(namespace: String, name: String) {
    (self.namespace, self.name) = (namespace, name)
  }

  public var description: String { "\(namespace)/\(name)" }

  public static func < (a: ServiceName, b: ServiceName) -> Bool { (a.namespace, a.name) < (b.namespace, b.name) }
}

/// One TCP port of a Service, and the endpoints behind it.
public struct ServicePort: Sendable, Equatable {
  public var service: ServiceName
  public var port: UInt16
  /// The port's name in the Service; empty if it has none.
  public var portName: String
  /// The addresses that clients connect to, of either family; none for a headless Service.
  public var addresses: [IPAddress]
  /// More of them, that others than Kubernetes have given out: `externalIPs`, and those of load balancers. What
  /// `isLocalOnly` says does not hold for them.
  public var externalAddresses: [IPAddress]
  public var isHeadless: Bool
  public var mode: Mode
  /// The Service's own choice (`evenkeel.io/policy`); nil: the agent's.
  public var policy: Policy?
  /// The Service's own choice (`evenkeel.io/drain-interval`), zero meaning never; nil: the agent's.
  public var drainInterval: Duration?
  /// With `sessionAffinity: ClientIP`: how long a client that is idle keeps its endpoint.
  public var affinityTimeout: Duration?
  /// `internalTrafficPolicy: Local`: only endpoints on the client's node.
  public var isLocalOnly: Bool
  /// Sorted by address; an address and port stands here once.
  public var endpoints: [Endpoint]

  public init(
    service: ServiceName, port: UInt16, portName: String = "", addresses: [IPAddress] = [],
    externalAddresses: [IPAddress] = [], isHeadless: Bool = false, mode: Mode = .balance, policy: Policy? = nil,
    drainInterval: Duration? = nil, affinityTimeout: Duration? = nil, isLocalOnly: Bool = false,
    endpoints: [Endpoint] = []
  ) {
    self.service = service
    self.port = port
    self.portName = portName
    self.addresses = addresses
    self.externalAddresses = externalAddresses
    self.isHeadless = isHeadless
    self.mode = mode
    self.policy = policy
    self.drainInterval = drainInterval
    self.affinityTimeout = affinityTimeout
    self.isLocalOnly = isLocalOnly
    self.endpoints = endpoints
  }
}

/// What is done for a Service: annotation `evenkeel.io/mode`.
public enum Mode: String, Sendable, CaseIterable {
  /// Spread and drain.
  case balance
  case spread
  case off
}

/// How an endpoint is chosen for a new connection: annotation `evenkeel.io/policy`, flag `--policy`.
public enum Policy: String, Sendable, CaseIterable {
  case leastConnections = "least-connections"
  case random
  case maglev
}

/// A pod's address and port, as an EndpointSlice lists it.
public struct Endpoint: Sendable, Equatable {
  public var address: SocketAddress
  public var state: State
  public var node: String?
  public var zone: String?
  /// For clients of which nodes and zones it is meant (`hints`).
  public var hints: Hints

  public init(
    address: SocketAddress, state: State = .ready, node: String? = nil, zone: String? = nil, hints: Hints = Hints()
  ) {
    (self.address, self.state, self.node, self.zone, self.hints) = (address, state, node, zone, hints)
  }

  /// What Kubernetes makes of `trafficDistribution` (KEP-4444, KEP-3015): the clients that an endpoint is meant for. No
  /// nodes or no zones: none are named.
  public struct Hints: Sendable, Equatable {
    public var nodes: [String]
    public var zones: [String]

    public init(nodes: [String] = [], zones: [String] = []) { (self.nodes, self.zones) = (nodes, zones) }
  }

  /// The conditions `ready`, `serving` and `terminating` of an endpoint (KEP-1672) as one word.
  public enum State: String, Sendable, CaseIterable {
    case ready
    /// Terminating, and still answering: used where no endpoint is ready (KEP-1669).
    case serving
    /// Terminating, and no longer answering.
    case terminating
    case unready

    /// Nil conditions mean what the API says: ready, serving and not terminating, unless told otherwise.
    ///
    /// An endpoint that is ready is used for new connections even while it terminates, as by kube-proxy
    /// (pkg/proxy/topology.go), and so it is not drained. Kubernetes calls it both only for a Service with
    /// `publishNotReadyAddresses`.
    public init(ready: Bool?, serving: Bool?, terminating: Bool?) {
      self =
        switch (ready ?? true, terminating ?? false, serving ?? true) {
        case (true, _, _): .ready
        case (false, true, true): .serving
        case (false, true, false): .terminating
        case (false, false, _): .unready
        }
    }

    /// The pod is going away: its connections are drained at once.
    public var isTerminating: Bool { self == .serving || self == .terminating }
  }
}
