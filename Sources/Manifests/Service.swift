public import Balancing

/// What is read of a `v1` Service (https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/).
public struct Service: Sendable, Equatable {
  public var metadata: ObjectMeta
  public var type: Kind
  /// `clusterIP: None`: clients find the endpoints by DNS.
  public var isHeadless: Bool
  public var clusterIPs: [IPAddress]
  public var externalIPs: [IPAddress]
  /// `status.loadBalancer.ingress`, without those that are left to Kubernetes' own proxy: where the balancer wants to see
  /// the traffic (`ipMode: Proxy`), and where `loadBalancerSourceRanges` says who may connect, by the address that a client
  /// connects from, which is not known yet when it calls `connect()`.
  public var loadBalancerIPs: [IPAddress]
  public var ports: [Port]
  /// With `sessionAffinity: ClientIP`: how long a client that is idle keeps its endpoint.
  public var affinityTimeout: Duration?
  /// `internalTrafficPolicy: Local`.
  public var isLocalOnly: Bool

  public enum Kind: String, Sendable, CaseIterable {
    case clusterIP = "ClusterIP"
    case nodePort = "NodePort"
    case loadBalancer = "LoadBalancer"
    /// An alias in DNS: no address, no endpoints.
    case externalName = "ExternalName"
  }

  public struct Port: Sendable, Equatable {
    /// Empty if it has none.
    public var name: String
    public var transport: PortProtocol
    public var number: UInt16
    public var location: Location

    public init(name: String = "", transport: PortProtocol = .tcp, number: UInt16, location: Location) {
      (self.name, self.transport, self.number, self.location) = (name, transport, number, location)
    }
  }

  public init(
    metadata: ObjectMeta, type: Kind = .clusterIP, isHeadless: Bool = false, clusterIPs: [IPAddress] = [],
    externalIPs: [IPAddress] = [], loadBalancerIPs: [IPAddress] = [], ports: [Port] = [],
    affinityTimeout: Duration? = nil, isLocalOnly: Bool = false
  ) {
    self.metadata = metadata
    self.type = type
    self.isHeadless = isHeadless
    self.clusterIPs = clusterIPs
    self.externalIPs = externalIPs
    self.loadBalancerIPs = loadBalancerIPs
    self.ports = ports
    self.affinityTimeout = affinityTimeout
    self.isLocalOnly = isLocalOnly
  }

  public var name: ServiceName { ServiceName(namespace: metadata.namespace, name: metadata.name) }

  /// The cluster IPs, each once, sorted; none for a headless Service.
  public var addresses: [IPAddress] { isHeadless ? [] : Set(clusterIPs).sorted() }

  /// The other addresses that clients connect to, each once, sorted; none for a headless Service.
  public var externalAddresses: [IPAddress] {
    isHeadless ? [] : Set(externalIPs + loadBalancerIPs).subtracting(clusterIPs).sorted()
  }
}
