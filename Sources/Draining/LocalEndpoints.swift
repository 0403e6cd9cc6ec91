public import Balancing

/// The endpoints of one node whose connections are tracked: those behind Services of mode `balance`.
///
/// An endpoint may be behind several Service ports. What follows from all of them is kept up to date at the cost of the
/// Services that change.
public struct LocalEndpoints: Sendable {
  /// How the connections of each are drained.
  public private(set) var policies: [SocketAddress: DrainPolicy] = [:]

  private let defaultInterval: Duration
  private var places: [SocketAddress: [Place]] = [:]

  /// An endpoint's part in a Service port.
  private struct Place: Sendable {
    let servicePort: ServicePortName
    let isHeadless: Bool
    let policy: DrainPolicy
  }

  /// - Parameter defaultInterval: for Services that have none of their own; zero: never for their age.
  public init(defaultInterval: Duration) { self.defaultInterval = defaultInterval }

  public var addresses: Set<SocketAddress> { Set(places.keys) }

  /// Puts Service ports in the place of others.
  ///
  /// - Returns: the endpoints that were behind none until now.
  @discardableResult
  public mutating func replace(_ old: [ServicePort], with new: [ServicePort], on node: Node) -> Set<SocketAddress> {
    let (before, after) = (tracked(old, on: node), tracked(new, on: node))
    var touched: Set<SocketAddress> = []
    var added: Set<SocketAddress> = []
    let names = Set(old.map(\.servicePortName))
    for endpoint in before.joined() where touched.insert(endpoint.address).inserted {
      places[endpoint.address]?.removeAll { names.contains($0.servicePort) }
    }
    for (servicePort, endpoints) in zip(new, after) {
      for endpoint in endpoints {
        if places[endpoint.address] == nil { added.insert(endpoint.address) }
        places[endpoint.address, default: []].append(place(endpoint, in: servicePort))
        touched.insert(endpoint.address)
      }
    }
    for address in touched { settle(address) }
    return added
  }

  /// The Service that an endpoint is behind; of several the first by name that has an address of its own.
  public func service(of endpoint: SocketAddress) -> ServiceName? {
    func rank(_ place: Place) -> (Int, ServiceName) { (place.isHeadless ? 1 : 0, place.servicePort.service) }
    return places[endpoint]?.min { rank($0) < rank($1) }?.servicePort.service
  }

  private func tracked(_ servicePorts: [ServicePort], on node: Node) -> [[Endpoint]] {
    servicePorts.map { $0.mode == .balance ? $0.endpoints.filter(node.hosts) : [] }
  }

  private func place(_ endpoint: Endpoint, in servicePort: ServicePort) -> Place {
    let interval = servicePort.drainInterval ?? defaultInterval
    let policy = DrainPolicy(interval: interval > .zero ? interval : nil, isTerminating: endpoint.state.isTerminating)
    return Place(servicePort: servicePort.servicePortName, isHeadless: servicePort.isHeadless, policy: policy)
  }

  private mutating func settle(_ address: SocketAddress) {
    if places[address]?.isEmpty == true { places[address] = nil }
    policies[address] = places[address]?.lazy.map(\.policy).reduce(nil) { $0?.joined(with: $1) ?? $1 }
  }
}
