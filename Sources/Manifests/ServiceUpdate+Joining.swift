import Balancing

extension ServiceUpdate {
  /// Joins a Service with its EndpointSlices.
  ///
  /// - Parameters:
  ///   - slices: Sorted by name.
  ///   - holder: The Service that has an address.
  init(_ service: Service, slices: [Catalog.Slice], holder: (SocketAddress) -> ServiceName?) {
    let annotations = Annotations(of: service)
    self.init(service: service.name, warnings: annotations.warnings)
    if service.addresses.isEmpty && !service.isHeadless {
      warn("it has no clusterIP, so connections to it cannot be spread")
    }
    for port in service.tcpPorts {
      warnIfMissing(port, in: slices)
      ports.append(
        ServicePort(
          service: service.name, port: port.number, portName: port.name,
          addresses: held(service.addresses, port, holder),
          externalAddresses: held(service.externalAddresses, port, holder), isHeadless: service.isHeadless,
          mode: annotations.mode, policy: annotations.policy, drainInterval: annotations.drainInterval,
          affinityTimeout: service.affinityTimeout, isLocalOnly: service.isLocalOnly,
          endpoints: endpoints(of: port, in: slices)))
    }
  }

  private mutating func warn(_ message: String) { warnings.append("Service \(service): \(message)") }

  /// The addresses at which the Service has the port.
  private mutating func held(
    _ addresses: [IPAddress], _ port: Service.Port, _ holder: (SocketAddress) -> ServiceName?
  ) -> [IPAddress] {
    addresses.filter { ip in
      let address = SocketAddress(ip: ip, port: port.number)
      guard let holder = holder(address), holder != service else { return true }
      warn("Service \(holder) has the address \(address) too, and goes first")
      return false
    }
  }

  /// Warns of a port that can never have endpoints, most likely because of a mistyped name.
  ///
  /// Slices without endpoints do not count: while no pod exists, Kubernetes keeps one that has no ports either.
  private mutating func warnIfMissing(_ port: Service.Port, in slices: [Catalog.Slice]) {
    let ports = slices.filter { !$0.endpoints.isEmpty }.map(\.ports)
    guard !ports.isEmpty, !ports.contains(where: { $0.contains { $0.belongs(to: port) } }) else { return }
    let names = Set(ports.joined().filter { $0.transport == .tcp }.map(\.displayName)).sorted()
    warn(
      "no EndpointSlice has its port \(port.displayName), number \(port.number); "
        + "they have \(names.isEmpty ? "no TCP ports" : names.joined(separator: ", "))")
  }
}

/// Sorted; what stands in several slices, as happens while a pod moves between them, is taken in its best state. The number
/// of a port is that of its slice: pods may give a named port different ones.
private func endpoints(of port: Service.Port, in slices: [Catalog.Slice]) -> [Endpoint] {
  var found: [Endpoint] = []
  for slice in slices {
    for case (let number?) in slice.ports.filter({ $0.belongs(to: port) }).map(\.number) {
      for endpoint in slice.endpoints {
        found.append(
          Endpoint(
            address: SocketAddress(ip: endpoint.address, port: number), state: endpoint.state, node: endpoint.node,
            zone: endpoint.zone, hints: endpoint.hints))
      }
    }
  }
  return found.bestOfEachAddress
}

extension [Endpoint] {
  /// Sorted by address, each of them once; of those in the same state the first.
  fileprivate var bestOfEachAddress: [Endpoint] {
    func key(_ index: Int) -> (SocketAddress, Int, Int) { (self[index].address, self[index].state.rank, index) }
    var best: [Endpoint] = []
    best.reserveCapacity(count)
    for index in indices.sorted(by: { key($0) < key($1) }) where self[index].address != best.last?.address {
      best.append(self[index])
    }
    return best
  }
}

extension EndpointSlice.Port {
  fileprivate func belongs(to port: Service.Port) -> Bool { name == port.name && transport == port.transport }

  fileprivate var displayName: String { name.isEmpty ? "without name" : "\"\(name)\"" }
}

extension Service.Port {
  fileprivate var displayName: String { name.isEmpty ? "without name" : "\"\(name)\"" }
}

extension Endpoint.State {
  /// The lower, the better.
  fileprivate var rank: Int {
    switch self {
    case .ready: 0
    case .serving: 1
    case .terminating: 2
    case .unready: 3
    }
  }
}
