public import Balancing

/// What all objects together amount to, where each has been written by hand and none may contradict another.
public struct Assembly: Sendable {
  public let cluster: Cluster
  /// Objects that contradict each other, as an API server would not allow: an object defined twice, two Services with one
  /// address and port. In `cluster` one of them has its way: of objects the first one in the text, of Services the one that
  /// `Catalog` lets go first.
  public let conflicts: [ManifestError.Problem]

  /// - Parameters:
  ///   - selector: Which Services are taken, by their labels.
  ///   - nodeName: The Node whose zone is the cluster's; nil: none.
  public init(
    services: [Service], endpointSlices: [EndpointSlice] = [], nodes: [ClusterNode] = [],
    selector: LabelSelector = .everything, nodeName: String? = nil
  ) {
    var conflicts: [ManifestError.Problem] = []
    let services = unique(services, of: "Service", by: \.metadata, &conflicts)
    var catalog = Catalog(selector: selector, nodeName: nodeName)
    catalog.replaceServices(with: services)
    catalog.replaceEndpointSlices(with: unique(endpointSlices, of: "EndpointSlice", by: \.metadata, &conflicts))
    unique(nodes, of: "Node", by: \.metadata, &conflicts).forEach { catalog.set($0) }
    var cluster = Cluster()
    cluster.apply(catalog.takeUpdate())
    self.cluster = cluster
    self.conflicts = conflicts + catalog.conflicts(among: services.filter(catalog.takes))
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
    if let old, old.objectName == new.objectName {
      conflicts.append(
        .init(new.location, "\(kind) \(new.objectName) is defined twice: here and at \(old.location.fileAndLine)"))
    } else {
      unique.append(object)
    }
  }
  return unique
}

extension Catalog {
  /// The ports of Services that want an address which another Service has.
  fileprivate func conflicts(among services: [Service]) -> [ManifestError.Problem] {
    let byName = Dictionary(uniqueKeysWithValues: services.map { ($0.name, $0) })
    return services.flatMap { service in
      service.claims.compactMap { address, _ in
        guard let holder = holder(of: address), holder != service.name,
          let here = service.location(ofPort: address.port), let there = byName[holder]?.location(ofPort: address.port)
        else { return nil }
        return .init(
          here,
          "Services \(service.name) (here) and \(holder) (\(there.fileAndLine)) have one address and port: \(address)")
      }
    }
  }
}

extension Service {
  fileprivate func location(ofPort number: UInt16) -> Location? { tcpPorts.first { $0.number == number }?.location }
}
