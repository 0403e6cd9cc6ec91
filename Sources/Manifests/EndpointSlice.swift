public import Balancing

/// What is read of a `discovery.k8s.io/v1` EndpointSlice
/// (https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/).
public struct EndpointSlice: Sendable, Equatable {
  public var metadata: ObjectMeta
  /// Nil for a slice of domain names (`addressType: FQDN`), which mean nothing to Kubernetes' own proxy either.
  public var family: IPAddress.Family?
  /// Those of a slice with a family.
  public var endpoints: [Endpoint]
  public var ports: [Port]

  public struct Endpoint: Sendable, Equatable {
    /// The first of `addresses`: the others have no meaning in the API.
    public var address: IPAddress
    public var state: Balancing.Endpoint.State
    public var node: String?
    public var zone: String?
    public var hints: Balancing.Endpoint.Hints

    public init(
      address: IPAddress, state: Balancing.Endpoint.State = .ready, node: String? = nil, zone: String? = nil,
      hints: Balancing.Endpoint.Hints = .init()
    ) {
      (self.address, self.state, self.node, self.zone, self.hints) = (address, state, node, zone, hints)
    }
  }

  public struct Port: Sendable, Equatable {
    /// The name of the Service's port; empty if it has none.
    public var name: String
    public var transport: PortProtocol
    /// The pods' port; nil for "all ports", which a Service's slice never says.
    public var number: UInt16?

    public init(name: String = "", transport: PortProtocol = .tcp, number: UInt16?) {
      (self.name, self.transport, self.number) = (name, transport, number)
    }
  }

  public init(
    metadata: ObjectMeta, family: IPAddress.Family?, endpoints: [Endpoint] = [], ports: [Port] = []
  ) {
    (self.metadata, self.family, self.endpoints, self.ports) = (metadata, family, endpoints, ports)
  }

  /// The Service that it belongs to (label `kubernetes.io/service-name`), if any.
  public var serviceName: ServiceName? {
    metadata.labels["kubernetes.io/service-name"].map { ServiceName(namespace: metadata.namespace, name: $0) }
  }
}
