import Balancing
import Manifests
import Testing

@Suite("Decoding manifests")
struct DecodingTests {
  @Test("what kubectl prints of a whole cluster is understood, and nothing in it is complained about")
  func kubectl() throws {
    let cluster = try cluster(kubectlOutput)
    #expect(cluster.warnings.isEmpty)
    #expect(
      cluster.servicePorts.map { "\($0.service):\($0.port) \($0.portName)" } == [
        "default/kubernetes:443 https", "kube-system/kube-dns:53 dns-tcp", "kube-system/kube-dns:9153 metrics",
        "shop/cart:80 grpc", "shop/front:443 ", "shop/stock:50051 ",
      ])
    let cart = try #require(cluster.servicePorts.first { $0.service.name == "cart" })
    #expect(cart.addresses.map(\.description) == ["10.96.7.21", "fd00:10:96::715"])
    #expect(cart.policy == .maglev)
    #expect(cart.drainInterval == .seconds(300))
    #expect(cart.affinityTimeout == .seconds(10_800))
    #expect(
      cart.endpoints == [
        Endpoint(
          address: try #require(SocketAddress("10.244.0.11:50051")), state: .ready, node: "n1", zone: "a",
          hints: .init(zones: ["a"])),
        Endpoint(
          address: try #require(SocketAddress("10.244.1.12:50051")), state: .serving, node: "n2", zone: "b",
          hints: .init(nodes: ["n2"], zones: ["b"])),
        Endpoint(address: try #require(SocketAddress("[fd00:10:244::b]:50051")), state: .ready, node: "n1", zone: "a"),
      ])
    let front = try #require(cluster.servicePorts.first { $0.service.name == "front" })
    #expect(front.addresses.map(\.description) == ["10.96.7.30"])
    #expect(front.externalAddresses.map(\.description) == ["198.51.100.7"])
    #expect(front.isLocalOnly)
    #expect(front.endpoints.isEmpty)
    let stock = try #require(cluster.servicePorts.first { $0.service.name == "stock" })
    #expect(stock.isHeadless && stock.addresses.isEmpty)
    #expect(stock.endpoints.map(\.address.description) == ["10.244.1.40:50051"])
  }

  @Test("JSON, as an API server writes it, is understood like YAML")
  func json() throws {
    let text = #"""
      {"kind":"Service","apiVersion":"v1","metadata":{"name":"cart","namespace":"shop","annotations":{"note":"\u003ctab\t\"quoted\" \/ \u00e9\u003e"}},
      	"spec":{"clusterIP":"10.96.0.1","ports":[{"name":"grpc","port":80,"targetPort":"grpc"}],"type":"ClusterIP"},"status":{"loadBalancer":{}}}
      """#
    guard case .service(let service) = try #require(decode(text).first) else { throw Unexpected() }
    #expect(service.clusterIPs == [IPAddress("10.96.0.1")])
    #expect(service.metadata.annotations == ["note": "<tab\t\"quoted\" / é>"])
  }

  @Test("an API server's typed lists, whose items do not say what they are, are understood")
  func typedLists() throws {
    let text = documents(
      "{kind: ServiceList, apiVersion: v1, items: [{metadata: {name: cart}, spec: {ports: [{port: 80}]}}]}\n",
      "{kind: EndpointSliceList, apiVersion: discovery.k8s.io/v1, items: [{metadata: {name: c}, addressType: IPv4}]}\n")
    #expect(try decode(text).count == 2)
  }

  @Test("a List may be empty")
  func emptyList() throws {
    #expect(try decode("{kind: List, apiVersion: v1, items: []}").isEmpty)
  }

  @Test(
    "objects of other kinds are passed over, also Services of other API groups",
    arguments: [
      "{kind: Deployment, apiVersion: apps/v1, metadata: {name: cart}, spec: {replcas: 3}}",
      "{kind: Service, apiVersion: serving.knative.dev/v1, metadata: {name: cart}, spec: {template: {}}}",
      "{kind: Endpoints, apiVersion: v1, metadata: {name: cart}, subsets: []}",
    ])
  func otherKinds(text: String) throws {
    #expect(try decode(text).isEmpty)
  }

  @Test("empty documents between others are passed over")
  func emptyDocuments() throws {
    #expect(try decode("---\n---\n# nothing\n---\n" + service() + "---\n").count == 1)
  }

  @Test("an object knows the line where it stands, and its ports theirs")
  func locations() throws {
    guard case .service(let cart) = try #require(decode("# first\n---\n" + service()).first) else { throw Unexpected() }
    #expect(cart.metadata.location == Location(path: "shop.yaml", line: 3))
    #expect(cart.ports.map(\.location) == [Location(path: "shop.yaml", line: 6, field: "spec.ports[0]")])
  }

  @Test("anchors, aliases and merge keys work as in kubectl; a field's own value goes before a merged one")
  func mergeKeys() throws {
    let text = """
      apiVersion: v1
      kind: Service
      metadata: {name: cart}
      spec:
        clusterIP: 10.96.0.1
        ports:
        - &first {name: grpc, port: 80, protocol: TCP}
        - {<<: *first, name: admin, port: 81}
        - <<: [{port: 82}, *first]
          name: metrics
      """
    guard case .service(let cart) = try #require(decode(text).first) else { throw Unexpected() }
    #expect(cart.ports.map(\.name) == ["grpc", "admin", "metrics"])
    #expect(cart.ports.map(\.number) == [80, 81, 82])
  }

  @Test("what is absent, null or empty has its default")
  func defaults() throws {
    let text = """
      {apiVersion: v1, kind: Service, metadata: {name: cart, labels: null},
       spec: {clusterIP: "", type: ~, sessionAffinity: null, ports: [{port: 80, name: null}]}}
      """
    guard case .service(let cart) = try #require(decode(text).first) else { throw Unexpected() }
    #expect(cart.name == ServiceName(namespace: "default", name: "cart"))
    #expect(!cart.isHeadless && cart.clusterIPs.isEmpty)
    #expect(cart.type == .clusterIP)
    #expect(cart.affinityTimeout == nil && !cart.isLocalOnly)
    #expect(cart.ports.map(\.transport) == [.tcp])
  }

  @Test("text is what YAML takes for text, or what stands in quotes or has a tag that says so")
  func texts() throws {
    let labels = "a: nan, b: infinity, c: 1.2.3, d: 10.0.0.1, e: tRUE, f: \"80\", g: 'null', h: !!str 80, i: -, j: \"\""
    guard case .service(let cart) = try #require(decode(service(metadata: "labels: {\(labels)}")).first) else {
      throw Unexpected()
    }
    #expect(
      cart.metadata.labels == [
        "a": "nan", "b": "infinity", "c": "1.2.3", "d": "10.0.0.1", "e": "tRUE", "f": "80", "g": "null", "h": "80",
        "i": "-", "j": "",
      ])
  }

  @Test("a source that may know more than we do can have fields of its own")
  func unknownFieldsIgnored() throws {
    let text = service(spec: "futureField: 1")
    #expect(throws: ManifestError.self) { try decode(text) }
    #expect(try ManifestDecoder(unknownFields: .ignored).decode(text, source: "https://10.96.0.1").count == 1)
  }

  @Test("a way to distribute traffic that is not known is a mistake in a file, and a newer version in an API server")
  func trafficDistribution() throws {
    #expect(try decode(service(spec: "trafficDistribution: PreferSameNode")).count == 1)
    let text = service(spec: "trafficDistribution: PreferRed")
    #expect(
      try errors(in: text) == [
        "shop.yaml:4: spec.trafficDistribution: expected PreferClose or PreferSameZone or PreferSameNode, "
          + "found \"PreferRed\""
      ])
    #expect(try ManifestDecoder(unknownFields: .ignored).decode(text, source: "api").count == 1)
  }

  @Test("documents nested more deeply than any object are refused, not crashed on")
  func deepNesting() throws {
    let text = String(repeating: "[", count: 100_000)
    #expect(throws: ManifestError.self) { try decode(text) }
  }
}

/// A value of another kind than the test is about.
struct Unexpected: Error {}
