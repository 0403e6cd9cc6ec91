public import Balancing

/// All objects that are known, and what they amount to by the rules of Kubernetes' own proxy. A change costs what it
/// touches: the Services that it is about, and those that want an address of theirs.
///
/// Passed over are ExternalName Services, ports other than TCP, Services that another proxy serves (label
/// `service.kubernetes.io/service-proxy-name`), slices of domain names, and slices without a Service, for as long as they
/// are without.
public struct Catalog: Sendable {
  private let selector: LabelSelector
  private let nodeName: String?
  private var services: [ServiceName: Service] = [:]
  /// By Service, which need not be known, and sorted by name.
  private var slices: [ServiceName: [Slice]] = [:]
  /// The Service by which a slice stands in `slices`.
  private var sliceOwners: [ObjectName: ServiceName] = [:]
  private var claims = AddressClaims()
  private var zone: String?

  private var texts = Pool<String>()
  private var hints = Pool<[String]>()

  /// The Services for which things may have changed since `takeUpdate`.
  private var touched: Set<ServiceName> = []
  /// What `takeUpdate` has said about each Service, where there is anything to say.
  private var known: [ServiceName: ServiceUpdate] = [:]
  private var knownZone: String?

  /// What matters of an EndpointSlice.
  struct Slice: Sendable, Equatable {
    let name: String
    let endpoints: [EndpointSlice.Endpoint]
    let ports: [EndpointSlice.Port]
  }

  /// - Parameters:
  ///   - selector: Which Services are taken, by their labels.
  ///   - nodeName: The Node whose zone is the cluster's `zone`; nil: none.
  public init(selector: LabelSelector = .everything, nodeName: String? = nil) {
    (self.selector, self.nodeName) = (selector, nodeName)
  }

  /// Whether `takeUpdate` may have something to say.
  public var mayHaveChanged: Bool { !touched.isEmpty || zone != knownZone }

  /// What has changed since this was last called; the Services sorted by name. An object that has become what it was before,
  /// or has changed in nothing that matters, is no change.
  public mutating func takeUpdate() -> ClusterUpdate {
    var update = ClusterUpdate(zone: zone)
    for name in touched.sorted() {
      let service = self.update(of: name)
      guard service != known[name] ?? ServiceUpdate(service: name) else { continue }
      known[name] = service == ServiceUpdate(service: name) ? nil : service
      update.services.append(service)
    }
    (touched, knownZone) = ([], zone)
    return update
  }

  private func update(of name: ServiceName) -> ServiceUpdate {
    guard let service = services[name] else { return ServiceUpdate(service: name) }
    return ServiceUpdate(service, slices: slices[name] ?? []) { claims.holder(of: $0) }
  }

  /// The Service that has an address, if any.
  func holder(of address: SocketAddress) -> ServiceName? { claims.holder(of: address) }

  func takes(_ service: Service) -> Bool {
    service.type != .externalName && selector.matches(service.metadata.labels)
      && service.metadata.labels["service.kubernetes.io/service-proxy-name"] == nil
  }
}

// Changes of objects.
extension Catalog {
  /// An object is new, or has changed.
  public mutating func set(_ object: KubernetesObject) {
    switch object {
    case .service(let service): set(service)
    case .endpointSlice(let slice): set(slice)
    case .node(let node): set(node)
    }
  }

  public mutating func set(_ service: Service) {
    guard takes(service) else { return remove(service: service.metadata.objectName) }
    let (old, new) = (services[service.name], service.essential)
    guard new != old else { return }
    services[new.name] = new
    replaceClaims(old, by: new)
    touched.insert(new.name)
  }

  public mutating func set(_ slice: EndpointSlice) {
    guard let owner = slice.serviceName, slice.family != nil else {
      return remove(endpointSlice: slice.metadata.objectName)
    }
    let name = slice.metadata.objectName
    if let old = sliceOwners[name], old != owner { remove(endpointSlice: name) }
    sliceOwners[name] = owner
    let new = Slice(name: name.name, endpoints: slice.endpoints.map { sharing($0) }, ports: slice.ports)
    if slices[owner, default: []].place(new) { touched.insert(owner) }
  }

  /// Nodes other than the agent's are of no interest.
  public mutating func set(_ node: ClusterNode) {
    if node.metadata.name == nodeName { zone = node.zone }
  }

  public mutating func remove(service name: ObjectName) {
    guard let old = services.removeValue(forKey: ServiceName(name)) else { return }
    replaceClaims(old, by: nil)
    touched.insert(old.name)
  }

  public mutating func remove(endpointSlice name: ObjectName) {
    guard let owner = sliceOwners.removeValue(forKey: name) else { return }
    slices[owner]?.removeAll { $0.name == name.name }
    if slices[owner]?.isEmpty == true { slices[owner] = nil }
    touched.insert(owner)
  }

  public mutating func remove(node name: ObjectName) {
    if name.name == nodeName { zone = nil }
  }

  /// These are all Services that there are.
  public mutating func replaceServices(with services: [Service]) {
    services.forEach { set($0) }
    keepServices(named: Set(services.map(\.metadata.objectName)))
  }

  /// These are all EndpointSlices that there are.
  public mutating func replaceEndpointSlices(with slices: [EndpointSlice]) {
    slices.forEach { set($0) }
    keepEndpointSlices(named: Set(slices.map(\.metadata.objectName)))
  }

  /// There are no Services but these, as a list says that arrived page by page.
  public mutating func keepServices(named names: Set<ObjectName>) {
    for name in services.keys.map(ObjectName.init) where !names.contains(name) { remove(service: name) }
  }

  /// There are no EndpointSlices but these, as a list says that arrived page by page.
  public mutating func keepEndpointSlices(named names: Set<ObjectName>) {
    for name in sliceOwners.keys where !names.contains(name) { remove(endpointSlice: name) }
  }

  private mutating func replaceClaims(_ old: Service?, by new: Service?) {
    for (address, claim) in old?.claims ?? [] { touched.formUnion(claims.remove(claim, from: address)) }
    for (address, claim) in new?.claims ?? [] { touched.formUnion(claims.add(claim, to: address)) }
  }

  private mutating func sharing(_ endpoint: EndpointSlice.Endpoint) -> EndpointSlice.Endpoint {
    var endpoint = endpoint
    endpoint.node = endpoint.node.map { texts.shared($0) }
    endpoint.zone = endpoint.zone.map { texts.shared($0) }
    endpoint.hints.nodes = hints.shared(endpoint.hints.nodes)
    endpoint.hints.zones = hints.shared(endpoint.hints.zones)
    return endpoint
  }
}

extension [Catalog.Slice] {
  /// Puts a slice where it belongs, in the place of one with its name. False if it was there already.
  fileprivate mutating func place(_ slice: Catalog.Slice) -> Bool {
    let index = firstIndex { $0.name >= slice.name } ?? endIndex
    guard index < endIndex, self[index].name == slice.name else {
      insert(slice, at: index)
      return true
    }
    defer { self[index] = slice }
    return self[index] != slice
  }
}

extension Service {
  /// Without what is of no interest once it is decided that the Service is taken: there is much of it, and it changes.
  fileprivate var essential: Service {
    var service = self
    service.metadata.labels = [:]
    service.metadata.annotations = service.metadata.annotations.filter { Annotations.areMeant(by: $0.key) }
    return service
  }
}

extension ServiceName {
  fileprivate init(_ name: ObjectName) { self.init(namespace: name.namespace, name: name.name) }
}

extension ObjectName {
  fileprivate init(_ name: ServiceName) { self.init(namespace: name.namespace, name: name.name) }
}
