import Balancing
import Manifests
import Testing

@Suite("Assembling Services and EndpointSlices")
struct AssemblyTests {
  /// The endpoints of the only port, as text with their states.
  private func endpoints(_ text: String) throws -> [String] {
    let ports = try cluster(text).servicePorts
    #expect(ports.count == 1)
    return ports.flatMap(\.endpoints).map { "\($0.address) \($0.state)" }
  }

  @Test("an endpoint has the port of its slice, not of the Service")
  func targetPort() throws {
    #expect(try endpoints(documents(service(), slice())) == ["10.244.0.1:50051 ready"])
  }

  @Test("slices belong to the Service of their label, in its own namespace")
  func joining() throws {
    #expect(try endpoints(service() + "---\n" + slice().replacing("name: cart}", with: "name: carts}")).isEmpty)
    #expect(try endpoints(service() + "---\n" + slice().replacing("namespace: shop", with: "namespace: x")).isEmpty)
    #expect(try cluster(slice()) == Cluster())
    let unlabelled = slice().replacing(", labels: {kubernetes.io/service-name: cart}", with: "")
    #expect(try endpoints(documents(service(), unlabelled)).isEmpty)
  }

  @Test("slices of both families and of different ports add up, sorted")
  func severalSlices() throws {
    let text = documents(
      service(), slice("c", type: "IPv6", endpoints: "[{addresses: [\"fd00::2\"]}, {addresses: [\"fd00::1\"]}]"),
      slice("b", endpoints: "[{addresses: [10.244.0.2]}]", ports: "[{name: grpc, port: 50052}]"), slice("a"))
    #expect(
      try endpoints(text) == [
        "10.244.0.1:50051 ready", "10.244.0.2:50052 ready", "[fd00::1]:50051 ready", "[fd00::2]:50051 ready",
      ])
  }

  @Test("slices of domain names are passed over")
  func domainNames() throws {
    #expect(
      try endpoints(documents(service(), slice(type: "FQDN", endpoints: "[{addresses: [a.example]}]"))).isEmpty)
  }

  @Test("of an endpoint with several addresses the first one counts")
  func firstAddress() throws {
    #expect(
      try endpoints(documents(service(), slice(endpoints: "[{addresses: [10.244.0.9, 10.244.0.1]}]")))
        == ["10.244.0.9:50051 ready"])
  }

  @Test("an endpoint in two slices is taken once, in its best state, whatever the order", arguments: ["a", "z"])
  func duplicates(name: String) throws {
    let old = "[{addresses: [10.244.0.1], nodeName: old, conditions: {ready: false, serving: true, terminating: true}}]"
    let text = documents(service(), slice("m"), slice(name, endpoints: old))
    #expect(try endpoints(text) == ["10.244.0.1:50051 ready"])
  }

  @Test(
    "ports are matched by name, no name and the empty one being the same", arguments: ["", "name: \"\", ", "name: ~, "])
  func namelessPorts(name: String) throws {
    let text = documents(service().replacing("name: grpc, ", with: ""), slice(ports: "[{\(name)port: 50051}]"))
    #expect(try endpoints(text) == ["10.244.0.1:50051 ready"])
  }

  @Test("a slice without ports, or with one that has no number, adds nothing", arguments: ["null", "[{name: grpc}]"])
  func noPorts(ports: String) throws {
    #expect(try endpoints(documents(service(), slice("a", ports: ports), slice("b", endpoints: "null"))).isEmpty)
  }

  @Test("only TCP counts, in Services and in slices")
  func protocols() throws {
    let service = service().replacing("port: 80}", with: "port: 80}, {name: q, port: 443, protocol: UDP}")
    let slice = slice(ports: "[{name: grpc, port: 1, protocol: UDP}, {name: grpc, port: 2}, {name: q, port: 3}]")
    #expect(try endpoints(documents(service, slice)) == ["10.244.0.1:2 ready"])
  }

  @Test("a headless Service has no addresses, and its endpoints all the same")
  func headless() throws {
    for ip in ["None", "None, clusterIPs: [None], externalIPs: [198.51.100.1]"] {
      let port = try #require(cluster(documents(service(ip: ip), slice())).servicePorts.first)
      #expect(port.isHeadless && port.addresses.isEmpty && port.endpoints.count == 1)
    }
  }

  @Test("aliases and Services that another proxy serves are passed over; one labelled headless is not")
  func passedOver() throws {
    #expect(try cluster(service(spec: "type: ExternalName")).servicePorts.isEmpty)
    #expect(
      try cluster(service(metadata: "labels: {service.kubernetes.io/service-proxy-name: x}")).servicePorts.isEmpty)
    #expect(try cluster(service(metadata: "labels: {service.kubernetes.io/headless: x}")).servicePorts.count == 1)
  }

  @Test("beside its cluster IPs a Service has external IPs and its load balancer's, unless that wants the traffic")
  func addresses() throws {
    let text =
      service(spec: "clusterIPs: [10.96.0.1, \"fd00::1\"], externalIPs: [198.51.100.1, 10.96.0.1]")
      + "status: {loadBalancer: {ingress: [{ip: 203.0.113.2, ipMode: Proxy}, {ip: 203.0.113.1}, {hostname: a}]}}"
    let port = try #require(cluster(text).servicePorts.first)
    #expect(port.addresses.map(\.description) == ["10.96.0.1", "fd00::1"])
    #expect(port.externalAddresses.map(\.description) == ["198.51.100.1", "203.0.113.1"])
  }

  @Test("a load balancer's addresses are left alone where who may connect depends on where from; external IPs are not")
  func sourceRanges() throws {
    let text =
      service(spec: "externalIPs: [198.51.100.1], loadBalancerSourceRanges: [192.0.2.0/24]")
      + "status: {loadBalancer: {ingress: [{ip: 203.0.113.1}]}}"
    #expect(try cluster(text).servicePorts.first?.externalAddresses.map(\.description) == ["198.51.100.1"])
    let empty = text.replacing("[192.0.2.0/24]", with: "[]")
    #expect(try cluster(empty).servicePorts.first?.externalAddresses.count == 2)
  }

  @Test("what Kubernetes makes of trafficDistribution, hints for zones and nodes, stays with the endpoints")
  func hints() throws {
    let endpoints = """
      [{addresses: [10.244.0.1], hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n1}]}},
       {addresses: [10.244.0.2], hints: {}}, {addresses: [10.244.0.3]}]
      """
    let port = try #require(
      cluster(documents(service(spec: "trafficDistribution: PreferClose"), slice(endpoints: endpoints)))
        .servicePorts.first)
    #expect(port.endpoints.map(\.hints.zones) == [["a", "b"], [], []])
    #expect(port.endpoints.map(\.hints.nodes) == [["n1"], [], []])
  }

  @Test("the zone is that of the agent's own Node, where it is known")
  func zone() throws {
    func node(_ name: String, _ labels: String) -> String {
      "{apiVersion: v1, kind: Node, metadata: {name: \(name), labels: {\(labels)}}, spec: {podCIDR: 10.244.0.0/24}}\n"
    }
    let zone = "topology.kubernetes.io/zone"
    #expect(try cluster(documents(node("n2", "\(zone): b"), node("n1", "\(zone): a"))).zone == "a")
    #expect(try cluster(documents(node("n2", "\(zone): b"), node("n1", "x: y"))).zone == nil)
    #expect(try cluster(service()).zone == nil)
    #expect(
      try assemble(documents(node("n1", ""), node("n1", ""))).conflicts.map(\.description) == [
        "shop.yaml:3: Node n1 is defined twice: here and at shop.yaml:1"
      ])
  }

  @Test("endpoints that publishNotReadyAddresses makes ready are used, even while they terminate")
  func publishNotReady() throws {
    let endpoints = "[{addresses: [10.244.0.1], conditions: {ready: true, serving: false, terminating: true}}]"
    let text = documents(service(spec: "publishNotReadyAddresses: true"), slice(endpoints: endpoints))
    #expect(try self.endpoints(text) == ["10.244.0.1:50051 ready"])
  }

  @Test("without conditions an endpoint is ready", arguments: ["", ", conditions: {}", ", conditions: ~"])
  func noConditions(conditions: String) throws {
    let text = documents(service(), slice(endpoints: "[{addresses: [10.244.0.1]\(conditions)}]"))
    #expect(try endpoints(text) == ["10.244.0.1:50051 ready"])
  }

  @Test("an address that is another Service's cluster IP is that one's, whatever the names")
  func clusterIPFirst() throws {
    let assembly = try assemble(
      documents(service("b"), service("a", spec: "externalIPs: [10.96.0.1]", ip: "10.96.0.2")))
    #expect(assembly.cluster.servicePorts.map(\.addresses.count) == [1, 1])
    #expect(assembly.cluster.servicePorts.map(\.externalAddresses.count) == [0, 0])
    #expect(assembly.conflicts.count == 1)
  }

  @Test("a Service without an address yet is a warning, and its endpoints are known all the same")
  func noAddress() throws {
    let cluster = try cluster(documents(service(ip: "\"\""), slice()))
    #expect(cluster.servicePorts.map(\.endpoints.count) == [1])
    #expect(cluster.warnings == ["Service shop/cart: it has no clusterIP, so connections to it cannot be spread"])
  }

  @Test("session affinity lasts three hours unless told otherwise")
  func affinity() throws {
    func timeout(_ spec: String) throws -> Duration? {
      try cluster(service(spec: spec)).servicePorts[0].affinityTimeout
    }
    #expect(try timeout("sessionAffinity: ClientIP") == .seconds(10_800))
    #expect(
      try timeout("sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}") == .seconds(60))
    #expect(try timeout("sessionAffinity: None") == nil)
  }

  @Test("internalTrafficPolicy: Local keeps connections on the node")
  func localOnly() throws {
    #expect(try cluster(service(spec: "internalTrafficPolicy: Local")).servicePorts[0].isLocalOnly)
    #expect(try !cluster(service(spec: "internalTrafficPolicy: Cluster")).servicePorts[0].isLocalOnly)
  }

  @Test("the result does not depend on the order of the objects")
  func deterministic() throws {
    let objects = (0..<6).map { service("cart\($0)", ip: "10.96.0.\($0)") } + (0..<6).map { slice("s\($0)") }
    let expected = try cluster(objects.joined(separator: "---\n"))
    #expect(expected.servicePorts.map(\.service.name) == (0..<6).map { "cart\($0)" })
    for _ in 0..<5 {
      #expect(try cluster(objects.shuffled().joined(separator: "---\n")) == expected)
    }
  }

  @Test("only Services that the selector selects are taken")
  func selector() throws {
    let text = documents(
      service("a", metadata: "labels: {tier: web}", ip: "10.96.0.1"), service("b", ip: "10.96.0.2"))
    #expect(try cluster(text, selector: LabelSelector("tier=web")).servicePorts.map(\.service.name) == ["a"])
    #expect(try cluster(text, selector: LabelSelector("!tier")).servicePorts.map(\.service.name) == ["b"])
  }

  @Test("a port that no slice has is a warning that says which ones they have")
  func missingPort() throws {
    let warnings = try cluster(documents(service(), slice(ports: "[{name: gprc, port: 1}, {port: 2}]"))).warnings
    #expect(
      warnings == [
        "Service shop/cart: no EndpointSlice has its port \"grpc\", number 80; they have \"gprc\", without name"
      ])
  }

  @Test("while there are no endpoints at all, a missing port is no warning")
  func placeholderSlice() throws {
    #expect(try cluster(service()).warnings.isEmpty)
    #expect(try cluster(documents(service(), slice(endpoints: "null", ports: "null"))).warnings.isEmpty)
  }

  @Test("two Services with one address and port contradict each other; the first by name has its way")
  func oneAddress() throws {
    let assembly = try assemble(documents(service("b"), service("a", spec: "externalIPs: [198.51.100.1]")))
    #expect(
      assembly.conflicts.map(\.description) == [
        "shop.yaml:4: spec.ports[0]: Services shop/b (here) and shop/a (shop.yaml:9) have one address and port: "
          + "10.96.0.1:80"
      ])
    #expect(assembly.cluster.servicePorts.map(\.addresses.count) == [1, 0])
  }

  @Test("two Services may share an address on different ports")
  func sharedAddress() throws {
    let other = service("b").replacing("port: 80", with: "port: 81")
    #expect(try cluster(documents(service("a"), other)).servicePorts.map(\.addresses.count) == [1, 1])
  }

  @Test("an object defined twice is a contradiction that names both places")
  func definedTwice() throws {
    let assembly = try assemble(documents(service(), service(ip: "10.96.0.2"), slice(), slice()))
    #expect(
      assembly.conflicts.map(\.description) == [
        "shop.yaml:6: Service shop/cart is defined twice: here and at shop.yaml:1",
        "shop.yaml:18: EndpointSlice shop/cart-1 is defined twice: here and at shop.yaml:11",
      ])
    #expect(assembly.cluster.servicePorts.flatMap(\.addresses).map(\.description) == ["10.96.0.1"])
  }

  @Test("10,000 Services with 100,000 endpoints are joined without comparing each with each", .timeLimit(.minutes(1)))
  func scale() throws {
    let place = Location(path: "shop.yaml")
    let services = (0..<10_000).map { number in
      Service(
        metadata: ObjectMeta(name: "s\(number)", location: place),
        clusterIPs: [IPAddress(high: 0, low: 0xffff_0a60_0000 + UInt64(number))],
        ports: [Service.Port(number: 80, location: place)])
    }
    let slices = (0..<10_000).map { number in
      EndpointSlice(
        metadata: ObjectMeta(
          name: "s\(number)-1", labels: ["kubernetes.io/service-name": "s\(number)"], location: place),
        family: .ipv4,
        endpoints: (0..<10).map { index in
          .init(address: IPAddress(high: 0, low: 0xffff_0af4_0000 + UInt64(number * 10 + index)))
        },
        ports: [EndpointSlice.Port(number: 50051)])
    }
    let assembly = Assembly(services: services, endpointSlices: slices)
    #expect(assembly.conflicts.isEmpty)
    #expect(assembly.cluster.servicePorts.count == 10_000)
    #expect(assembly.cluster.servicePorts.allSatisfy { $0.endpoints.count == 10 })
  }
}
