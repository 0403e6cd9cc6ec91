public import Balancing

/// What Services and EndpointSlices amount to, by the rules of Kubernetes' own proxy.
///
/// Passed over are ExternalName Services, ports other than TCP, Services that another proxy serves (label
/// `service.kubernetes.io/service-proxy-name`), slices of domain names and slices without a Service.
public struct Assembly: Sendable {
  public let cluster: Cluster
  /// Objects that contradict each other, as an API server would not allow: a Service or EndpointSlice defined twice, two
  /// Services with one address and port. In `cluster` the first one by name has its way.
  public let conflicts: [ManifestError.Problem]

  /// - Parameter selector: Which Services are taken, by their labels.
  public init(services: [Service], endpointSlices: [EndpointSlice], selector: LabelSelector = .everything) {
    var conflicts: [ManifestError.Problem] = []
    let services = unique(services, of: "Service", by: \.metadata, &conflicts).filter { service in
      service.type != .externalName && selector.matches(service.metadata.labels)
        && service.metadata.labels["service.kubernetes.io/service-proxy-name"] == nil
    }
    let slices = unique(endpointSlices, of: "EndpointSlice", by: \.metadata, &conflicts).filter { $0.family != nil }
    var assembler = Assembler(Dictionary(grouping: slices, by: \.serviceName))
    services.forEach { assembler.add($0) }
    cluster = Cluster(servicePorts: assembler.servicePorts, warnings: assembler.warnings)
    self.conflicts = conflicts + assembler.conflicts
  }
}

/// Sorted by namespace and name, and the first of each; the others are conflicts.
private func unique<Object>(
  _ objects: [Object], of kind: String, by metadata: KeyPath<Object, ObjectMeta>,
  _ conflicts: inout [ManifestError.Problem]
) -> [Object] {
  func key(_ object: Object) -> (String, String, String, Int) {
    let object = object[keyPath: metadata]
    return (object.namespace, object.name, object.location.path, object.location.line ?? 0)
  }
  var unique: [Object] = []
  for object in objects.sorted(by: { key($0) < key($1) }) {
    let (new, old) = (object[keyPath: metadata], unique.last?[keyPath: metadata])
    if let old, (old.namespace, old.name) == (new.namespace, new.name) {
      let name = "\(kind) \(new.namespace)/\(new.name)"
      conflicts.append(.init(new.location, "\(name) is defined twice: here and at \(old.location.fileAndLine)"))
    } else {
      unique.append(object)
    }
  }
  return unique
}

/// Joins Services, one after the other, with their EndpointSlices.
private struct Assembler {
  private let slices: [ServiceName?: [EndpointSlice]]
  private var owners: [SocketAddress: (service: ServiceName, location: Location)] = [:]
  private(set) var servicePorts: [ServicePort] = []
  private(set) var warnings: [String] = []
  private(set) var conflicts: [ManifestError.Problem] = []

  init(_ slices: [ServiceName?: [EndpointSlice]]) {
    self.slices = slices
  }

  mutating func add(_ service: Service) {
    let slices = slices[service.name] ?? []
    let annotations = Annotations(of: service)
    warnings += annotations.warnings
    if service.addresses.isEmpty && !service.isHeadless {
      warnings.append("Service \(service.name): it has no clusterIP, so connections to it cannot be spread")
    }
    for port in service.ports.filter({ $0.transport == .tcp }).sorted(by: { $0.number < $1.number }) {
      warnIfMissing(port, of: service, in: slices)
      servicePorts.append(
        ServicePort(
          service: service.name, port: port.number, portName: port.name, addresses: claimAddresses(of: service, port),
          isHeadless: service.isHeadless, mode: annotations.mode, policy: annotations.policy,
          drainInterval: annotations.drainInterval, affinityTimeout: service.affinityTimeout,
          isLocalOnly: service.isLocalOnly, endpoints: endpoints(of: port, in: slices)))
    }
  }

  /// The addresses of a Service at which nobody else has the port.
  private mutating func claimAddresses(of service: Service, _ port: Service.Port) -> [IPAddress] {
    service.addresses.filter { ip in
      let address = SocketAddress(ip: ip, port: port.number)
      guard let owner = owners.updateValue((service.name, port.location), forKey: address) else { return true }
      owners[address] = owner
      conflicts.append(
        .init(
          port.location,
          "Services \(service.name) (here) and \(owner.service) (\(owner.location.fileAndLine)) "
            + "have one address and port: \(address)"))
      return false
    }
  }

  /// Sorted; what stands in several slices, as happens while a pod moves between them, is taken in its best state.
  private func endpoints(of port: Service.Port, in slices: [EndpointSlice]) -> [Endpoint] {
    var found: [SocketAddress: Endpoint] = [:]
    for slice in slices {
      for case (let number?) in slice.ports.filter({ $0.belongs(to: port) }).map(\.number) {
        for endpoint in slice.endpoints {
          let address = SocketAddress(ip: endpoint.address, port: number)
          if let other = found[address], other.state.rank <= endpoint.state.rank { continue }
          found[address] = Endpoint(
            address: address, state: endpoint.state, node: endpoint.node, zone: endpoint.zone)
        }
      }
    }
    return found.values.sorted { $0.address < $1.address }
  }

  /// Warns of a port that can never have endpoints, most likely because of a mistyped name.
  ///
  /// Slices without endpoints do not count: while no pod exists, Kubernetes keeps one that has no ports either.
  private mutating func warnIfMissing(_ port: Service.Port, of service: Service, in slices: [EndpointSlice]) {
    let ports = slices.filter { !$0.endpoints.isEmpty }.map(\.ports)
    guard !ports.isEmpty, !ports.contains(where: { $0.contains { $0.belongs(to: port) } }) else { return }
    let names = Set(ports.joined().filter { $0.transport == .tcp }.map(\.displayName)).sorted()
    warnings.append(
      "Service \(service.name): no EndpointSlice has its port \(port.displayName), number \(port.number); "
        + "they have \(names.isEmpty ? "no TCP ports" : names.joined(separator: ", "))")
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
