import Balancing

// As in Service+Decoding.swift. Source: k8s.io/api/discovery/v1, types.go.
private let objectFields: Set = ["addressType", "apiVersion", "endpoints", "kind", "metadata", "ports"]
private let endpointFields: Set = [
  "addresses", "conditions", "deprecatedTopology", "hints", "hostname", "nodeName", "targetRef", "zone",
]
private let conditionFields: Set = ["ready", "serving", "terminating"]
private let hintFields: Set = ["forNodes", "forZones"]
private let portFields: Set = ["appProtocol", "name", "port", "protocol"]

extension EndpointSlice {
  init?(_ object: Cursor) {
    guard let fields = object.fields(known: objectFields), let metadata = ObjectMeta(of: fields, at: object),
      let type: AddressType = fields.required("addressType")?.oneOf()
    else { return nil }
    let family = type.family
    self.init(
      metadata: metadata,
      family: family,
      endpoints: family.flatMap { family in fields["endpoints"]?.list { Endpoint($0, family) } } ?? [],
      ports: fields["ports"]?.list(Port.init) ?? [])
  }

  private enum AddressType: String, CaseIterable {
    case ipv4 = "IPv4"
    case ipv6 = "IPv6"
    case fqdn = "FQDN"

    var family: IPAddress.Family? { IPAddress.Family(rawValue: rawValue) }
  }
}

extension EndpointSlice.Endpoint {
  init?(_ cursor: Cursor, _ family: IPAddress.Family) {
    guard let fields = cursor.fields(known: endpointFields), let addresses = fields.required("addresses") else {
      return nil
    }
    let hints = fields["hints"]?.fields(known: hintFields)
    guard let address = addresses.nonEmptyList({ $0.address(family) })?.first else { return nil }
    let conditions = fields["conditions"]?.fields(known: conditionFields)
    self.init(
      address: address,
      state: .init(
        ready: conditions?["ready"]?.bool(), serving: conditions?["serving"]?.bool(),
        terminating: conditions?["terminating"]?.bool()),
      node: fields["nodeName"]?.text(),
      zone: fields["zone"]?.text(),
      hints: .init(nodes: Self.names(hints?["forNodes"]), zones: Self.names(hints?["forZones"])))
  }

  /// Of a list of nodes or zones.
  private static func names(_ list: Cursor?) -> [String] {
    list?.list { $0.fields(known: ["name"])?.required("name")?.nonEmptyText() } ?? []
  }
}

extension EndpointSlice.Port {
  init?(_ cursor: Cursor) {
    guard let port = cursor.fields(known: portFields) else { return nil }
    self.init(
      name: port["name"]?.text() ?? "", transport: port["protocol"]?.oneOf() ?? .tcp,
      number: port["port"]?.portNumber())
  }
}
