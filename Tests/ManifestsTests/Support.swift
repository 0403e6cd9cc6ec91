import Balancing
import Manifests
import Testing

/// The objects in a text, as from the file `shop.yaml`.
func decode(_ text: String) throws(ManifestError) -> [KubernetesObject] {
  try ManifestDecoder().decode(text, source: "shop.yaml")
}

/// What a text amounts to, contradictions included.
func assemble(_ text: String, selector: LabelSelector = .everything) throws -> Assembly {
  var services: [Service] = []
  var endpointSlices: [EndpointSlice] = []
  var nodes: [ClusterNode] = []
  for object in try decode(text) {
    switch object {
    case .service(let service): services.append(service)
    case .endpointSlice(let slice): endpointSlices.append(slice)
    case .node(let node): nodes.append(node)
    }
  }
  return Assembly(
    services: services, endpointSlices: endpointSlices, nodes: nodes, selector: selector, nodeName: "n1")
}

/// What a text amounts to, where nothing contradicts anything.
func cluster(_ text: String, selector: LabelSelector = .everything) throws -> Cluster {
  let assembly = try assemble(text, selector: selector)
  #expect(assembly.conflicts.isEmpty)
  return assembly.cluster
}

/// The lines of the error that a text is refused with.
func errors(in text: String) throws -> [String] {
  let error = try #require(throws: ManifestError.self) { try decode(text) }
  #expect(error.kind == .badData)
  return error.description.split(separator: "\n").map(String.init)
}

/// A Service `shop/cart` with one port: a line for the metadata and one for the spec may be added.
func service(_ name: String = "cart", metadata: String = "", spec: String = "", ip: String = "10.96.0.1") -> String {
  """
  apiVersion: v1
  kind: Service
  metadata: {name: \(name), namespace: shop, \(metadata)}
  spec: {clusterIP: \(ip), ports: [{name: grpc, port: 80}], \(spec)}

  """
}

/// An EndpointSlice of `shop/cart`.
func slice(
  _ name: String = "cart-1", type: String = "IPv4", endpoints: String = "[{addresses: [10.244.0.1]}]",
  ports: String = "[{name: grpc, port: 50051}]"
) -> String {
  """
  apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: \(name), namespace: shop, labels: {kubernetes.io/service-name: cart}}
  addressType: \(type)
  endpoints: \(endpoints)
  ports: \(ports)

  """
}

/// Several objects in one text.
func documents(_ objects: String...) -> String { objects.joined(separator: "---\n") }
