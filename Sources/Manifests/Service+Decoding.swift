import Balancing

// The fields of the API's types, read or not, so that every object that Kubernetes writes passes and a typing mistake
// does not. Source: k8s.io/api/core/v1, types.go.
private let objectFields: Set = ["apiVersion", "kind", "metadata", "spec", "status"]
private let specFields: Set = [
  "allocateLoadBalancerNodePorts", "clusterIP", "clusterIPs", "externalIPs", "externalName", "externalTrafficPolicy",
  "healthCheckNodePort", "internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy", "loadBalancerClass",
  "loadBalancerIP", "loadBalancerSourceRanges", "ports", "publishNotReadyAddresses", "selector", "sessionAffinity",
  "sessionAffinityConfig", "trafficDistribution", "type",
]
private let portFields: Set = ["appProtocol", "name", "nodePort", "port", "protocol", "targetPort"]

extension Service {
  /// How long Kubernetes keeps a client's affinity by default, in seconds.
  private static let defaultAffinityTimeout = 10_800
  /// The longest that Kubernetes allows: a day, in seconds.
  private static let maximumAffinityTimeout = 86_400

  init?(_ object: Cursor) {
    guard let fields = object.fields(known: objectFields), let metadata = ObjectMeta(of: fields, at: object),
      let spec = fields.required("spec")?.fields(known: specFields)
    else { return nil }
    let clusterIPs = Self.clusterIPs(spec)
    Self.checkTrafficDistribution(spec)
    self.init(
      metadata: metadata,
      type: spec["type"]?.oneOf() ?? .clusterIP,
      isHeadless: clusterIPs == nil,
      clusterIPs: clusterIPs ?? [],
      externalIPs: spec["externalIPs"]?.list { $0.address() } ?? [],
      loadBalancerIPs: Self.loadBalancerIPs(spec, status: fields["status"]),
      affinityTimeout: Self.affinityTimeout(spec),
      isLocalOnly: spec["internalTrafficPolicy"]?.oneOf(TrafficPolicy.self) == .local)
    ports = Self.ports(spec, areRequired: !isHeadless && type != .externalName)
  }

  /// Nil for a headless Service; empty before Kubernetes has assigned an address.
  private static func clusterIPs(_ spec: Fields) -> [IPAddress]? {
    let all = [spec["clusterIP"]].compactMap(\.self) + (spec["clusterIPs"]?.list { $0 } ?? [])
    if all.contains(where: { $0.isText("None") }) { return nil }
    return all.filter { !$0.isText("") }.compactMap { $0.address() }
  }

  private static func loadBalancerIPs(_ spec: Fields, status: Cursor?) -> [IPAddress] {
    let sourceRanges = spec["loadBalancerSourceRanges"]?.list { $0.nonEmptyText() } ?? []
    let ingress = status?.fields()?["loadBalancer"]?.fields()?["ingress"]?.list { $0.fields() } ?? []
    let addresses = ingress.compactMap { $0["ipMode"]?.text() == "Proxy" ? nil : $0["ip"]?.address() }
    return sourceRanges.isEmpty ? addresses : []
  }

  /// `trafficDistribution` has its effect by the hints that Kubernetes writes into EndpointSlices for it, and is only
  /// checked here. An API server may know more values than these.
  private static func checkTrafficDistribution(_ spec: Fields) {
    guard let field = spec["trafficDistribution"], let text = field.text() else { return }
    if field.problems.unknownFields == .refused, TrafficDistribution(rawValue: text) == nil {
      _ = field.expected(TrafficDistribution.alternatives) as String?
    }
  }

  private static func affinityTimeout(_ spec: Fields) -> Duration? {
    let configuration = spec["sessionAffinityConfig"]?.fields(known: ["clientIP"])
    let seconds = configuration?["clientIP"]?.fields(known: ["timeoutSeconds"])?["timeoutSeconds"]?
      .integer(in: 1...maximumAffinityTimeout)
    guard spec["sessionAffinity"]?.oneOf(Affinity.self) == .clientIP else { return nil }
    return .seconds(seconds ?? defaultAffinityTimeout)
  }

  private static func ports(_ spec: Fields, areRequired: Bool) -> [Port] {
    var seen = SeenPorts()
    let read = { (cursor: Cursor) -> Port? in
      let port = Port(cursor)
      if let port { seen.check(port, at: cursor) }
      return port
    }
    return (areRequired ? spec.required("ports")?.nonEmptyList(read) : spec["ports"]?.list(read)) ?? []
  }

  private enum Affinity: String, CaseIterable {
    case none = "None"
    case clientIP = "ClientIP"
  }

  /// KEP-4444, KEP-3015.
  private enum TrafficDistribution: String, CaseIterable {
    case preferClose = "PreferClose"
    case preferSameZone = "PreferSameZone"
    case preferSameNode = "PreferSameNode"
  }

  private enum TrafficPolicy: String, CaseIterable {
    case cluster = "Cluster"
    case local = "Local"
  }
}

extension Service.Port {
  init?(_ cursor: Cursor) {
    guard let port = cursor.fields(known: portFields), let number = port.required("port")?.portNumber() else {
      return nil
    }
    self.init(
      name: port["name"]?.text() ?? "", transport: port["protocol"]?.oneOf() ?? .tcp, number: number,
      location: cursor.location)
  }
}

/// The ports of one Service so far: names are unique, and so are numbers within a protocol.
private struct SeenPorts {
  private var names: Set<String> = []
  private var numbers: [PortProtocol: Set<UInt16>] = [:]

  mutating func check(_ port: Service.Port, at cursor: Cursor) {
    if !names.insert(port.name).inserted {
      let name = port.name.isEmpty ? "no name; where there are several, each needs one" : "the name \"\(port.name)\""
      cursor.problems.add(cursor.location, "another port of this Service also has \(name)")
    }
    if !numbers[port.transport, default: []].insert(port.number).inserted {
      cursor.problems.add(
        cursor.location, "another port of this Service also has the number \(port.number) (\(port.transport.rawValue))")
    }
  }
}
