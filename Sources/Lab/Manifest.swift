import FoundationEssentials

/// A Service as Kubernetes objects: a `v1` Service and a `discovery.k8s.io/v1` EndpointSlice for each family.
struct Manifest: Encodable {
  let apiVersion = "v1"
  let kind = "List"
  let items: [Object]

  init(_ service: Service) {
    items = [.service(service)] + Family.allCases.map { .endpointSlice(service, $0) }
  }

  /// The objects as one `v1` List, in JSON.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }

  /// The objects one by one, each in JSON.
  func objects() throws -> [String] {
    try items.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
  }

  enum Family: String, Encodable, CaseIterable {
    case ipv4 = "IPv4"
    case ipv6 = "IPv6"

    func of(_ addresses: AddressPair) -> String { self == .ipv4 ? addresses.ipv4 : addresses.ipv6 }
  }

  /// Either kind of object; what a kind does not have is nil, and left out.
  struct Object: Encodable {
    var apiVersion: String
    var kind: String
    var metadata: Metadata
    var spec: Spec?
    var addressType: Family?
    var ports: [SlicePort]?
    var endpoints: [Endpoint]?
  }

  struct Metadata: Encodable {
    var name: String
    var namespace: String
    var labels: [String: String]
    var annotations: [String: String]?
  }

  struct Spec: Encodable {
    var type = "ClusterIP"
    var clusterIP: String
    var clusterIPs: [String]
    var ipFamilies: [Family] = [.ipv4, .ipv6]
    var ipFamilyPolicy = "RequireDualStack"
    var ports: [Port]
    var selector: [String: String]
    var internalTrafficPolicy: String
    var sessionAffinity: String
    var sessionAffinityConfig: AffinityConfig?
  }

  struct Port: Encodable {
    var name: String
    var `protocol` = "TCP"
    var port: UInt16
    var targetPort: UInt16
  }

  struct AffinityConfig: Encodable {
    struct ClientIP: Encodable { var timeoutSeconds: Int }
    var clientIP: ClientIP
  }

  struct SlicePort: Encodable {
    var name: String
    var `protocol` = "TCP"
    var port: UInt16
  }

  struct Endpoint: Encodable {
    struct Conditions: Encodable { var ready, serving, terminating: Bool }
    struct TargetRef: Encodable {
      var kind = "Pod"
      var name: String
      var namespace: String
    }
    var addresses: [String]
    var conditions: Conditions
    var nodeName: String
    var targetRef: TargetRef
  }
}

extension Manifest.Object {
  static func service(_ service: Service) -> Self {
    let addresses = service.isHeadless ? ["None"] : [service.addresses.ipv4, service.addresses.ipv6]
    return Self(
      apiVersion: "v1", kind: "Service",
      metadata: .init(
        name: service.name, namespace: service.namespace, labels: ["app": service.name],
        annotations: service.annotations.isEmpty ? nil : service.annotations),
      spec: .init(
        clusterIP: addresses[0], clusterIPs: addresses,
        ports: service.ports.map { .init(name: $0.name, port: $0.port, targetPort: $0.targetPort) },
        selector: ["app": service.name], internalTrafficPolicy: service.isLocalOnly ? "Local" : "Cluster",
        sessionAffinity: service.affinitySeconds == nil ? "None" : "ClientIP",
        sessionAffinityConfig: service.affinitySeconds.map { .init(clientIP: .init(timeoutSeconds: $0)) }))
  }

  static func sliceName(_ service: Service, _ family: Manifest.Family) -> String {
    "\(service.name)-\(family.rawValue.lowercased())"
  }

  static func endpointSlice(_ service: Service, _ family: Manifest.Family) -> Self {
    Self(
      apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice",
      metadata: .init(
        name: sliceName(service, family), namespace: service.namespace,
        labels: ["kubernetes.io/service-name": service.name]),
      addressType: family, ports: service.ports.map { .init(name: $0.name, port: $0.targetPort) },
      endpoints: service.endpoints.map { endpoint in
        .init(
          addresses: [family.of(endpoint.pod.addresses)], conditions: .init(endpoint.state),
          nodeName: endpoint.pod.node, targetRef: .init(name: endpoint.pod.name, namespace: service.namespace))
      })
  }
}

extension Manifest.Endpoint.Conditions {
  init(_ state: Service.State) {
    self.init(
      ready: state == .ready, serving: state == .ready || state == .serving,
      terminating: state == .serving || state == .terminating)
  }
}
