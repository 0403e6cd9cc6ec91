/// What Kubernetes says at one moment, in the terms of this project: the input of everything else.
///
/// Made from Service and EndpointSlice objects by one decoder, whichever way they arrive.
public struct Cluster: Sendable, Equatable {
  /// Sorted by Service name, then port; `(service, port)` is unique.
  public var servicePorts: [ServicePort]
  /// What was understood in spite of being wrong: shown in the log and in `status`.
  public var warnings: [String]

  public init(servicePorts: [ServicePort] = [], warnings: [String] = []) {
    (self.servicePorts, self.warnings) = (servicePorts, warnings)
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
    service: ServiceName, port: UInt16, portName: String = "", addresses: [IPAddress] = [], isHeadless: Bool = false,
    mode: Mode = .balance, policy: Policy? = nil, drainInterval: Duration? = nil, affinityTimeout: Duration? = nil,
    isLocalOnly: Bool = false, endpoints: [Endpoint] = []
  ) {
    self.service = service
    self.port = port
    self.portName = portName
    self.addresses = addresses
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

  public init(address: SocketAddress, state: State = .ready, node: String? = nil, zone: String? = nil) {
    (self.address, self.state, self.node, self.zone) = (address, state, node, zone)
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
    public init(ready: Bool?, serving: Bool?, terminating: Bool?) {
      self =
        switch (ready ?? true, terminating ?? false, serving ?? true) {
        case (_, true, true): .serving
        case (_, true, false): .terminating
        case (true, false, _): .ready
        case (false, false, _): .unready
        }
    }

    /// The pod is going away: its connections are drained at once.
    public var isTerminating: Bool { self == .serving || self == .terminating }
  }
}
