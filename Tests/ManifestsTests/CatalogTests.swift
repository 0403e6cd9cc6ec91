import Balancing
import Manifests
import Testing

@Suite("The catalog of objects")
struct CatalogTests {
  private var catalog = Catalog()
  private let place = Location(path: "api")

  private func service(
    _ name: String = "cart", ip: String? = "10.96.0.1", external: [String] = [], labels: [String: String] = [:],
    annotations: [String: String] = [:], ports: [UInt16] = [80]
  ) -> Service {
    Service(
      metadata: ObjectMeta(
        namespace: "shop", name: name, labels: labels, annotations: annotations, location: place),
      clusterIPs: [ip].compactMap(\.self).compactMap { IPAddress($0) },
      externalIPs: external.compactMap { IPAddress($0) },
      ports: ports.map { Service.Port(name: "p\($0)", number: $0, location: place) })
  }

  private func slice(
    _ name: String = "cart-1", of service: String? = "cart", _ addresses: [String] = ["10.244.0.1"],
    state: Endpoint.State = .ready, node: String? = nil, port: UInt16 = 50051
  ) -> EndpointSlice {
    EndpointSlice(
      metadata: ObjectMeta(
        namespace: "shop", name: name, labels: service.map { ["kubernetes.io/service-name": $0] } ?? [:],
        location: place),
      family: .ipv4,
      endpoints: addresses.compactMap { IPAddress($0) }.map { .init(address: $0, state: state, node: node) },
      ports: [80, 81].map { EndpointSlice.Port(name: "p\($0)", number: port) })
  }

  private func name(_ name: String) -> ObjectName { ObjectName(namespace: "shop", name: name) }

  /// The endpoints of all Services that an update is about, as text.
  private func endpoints(_ update: ClusterUpdate) -> [String: [String]] {
    Dictionary(
      uniqueKeysWithValues: update.services.map { service in
        (service.service.name, service.ports.flatMap(\.endpoints).map { "\($0.address) \($0.state)" })
      })
  }

  @Test("an update holds what has changed, once")
  mutating func update() {
    catalog.set(service())
    catalog.set(slice())
    catalog.set(service("front", ip: "10.96.0.2"))
    #expect(catalog.mayHaveChanged)
    #expect(endpoints(catalog.takeUpdate()) == ["cart": ["10.244.0.1:50051 ready"], "front": []])
    #expect(!catalog.mayHaveChanged)
    #expect(catalog.takeUpdate() == ClusterUpdate())
    catalog.set(slice("cart-1", of: "cart", ["10.244.0.2"]))
    #expect(endpoints(catalog.takeUpdate()) == ["cart": ["10.244.0.2:50051 ready"]])
  }

  @Test("the same object again is no change, nor is one that differs in nothing that matters")
  mutating func noChange() {
    catalog.set(service(annotations: ["note": "a", "evenkeel.io/mode": "spread"]))
    catalog.set(slice())
    _ = catalog.takeUpdate()
    catalog.set(service(labels: ["tier": "web"], annotations: ["note": "b", "evenkeel.io/mode": "spread"]))
    catalog.set(slice())
    #expect(catalog.takeUpdate() == ClusterUpdate())
    catalog.set(service(annotations: ["evenkeel.io/mode": "off"]))
    #expect(catalog.takeUpdate().services.map(\.ports.first?.mode) == [.off])
  }

  @Test("what has become other and then again what it was, between two updates, is no change")
  mutating func backAndForth() {
    catalog.set(service())
    catalog.set(slice())
    _ = catalog.takeUpdate()
    catalog.remove(service: name("cart"))
    catalog.remove(endpointSlice: name("cart-1"))
    catalog.set(slice())
    catalog.set(service())
    #expect(catalog.takeUpdate() == ClusterUpdate())
  }

  @Test("a Service deleted and made anew has its endpoints, though its slices were told of long ago")
  mutating func madeAnew() {
    catalog.set(slice())
    catalog.set(service())
    _ = catalog.takeUpdate()
    catalog.remove(service: name("cart"))
    #expect(
      catalog.takeUpdate().services == [ServiceUpdate(service: ServiceName(namespace: "shop", name: "cart"))])
    catalog.set(service(ip: "10.96.0.9"))
    let update = catalog.takeUpdate()
    #expect(endpoints(update) == ["cart": ["10.244.0.1:50051 ready"]])
    #expect(update.services.flatMap(\.ports).flatMap(\.addresses) == [IPAddress("10.96.0.9")])
  }

  @Test("a slice may come before its Service, and nothing is known of one without a Service")
  mutating func sliceFirst() {
    catalog.set(slice())
    #expect(catalog.takeUpdate() == ClusterUpdate())
    catalog.set(service())
    #expect(endpoints(catalog.takeUpdate()) == ["cart": ["10.244.0.1:50051 ready"]])
  }

  @Test("a slice whose label moves to another Service leaves the one for the other")
  mutating func movingSlice() {
    catalog.replaceServices(with: [service("a"), service("b", ip: "10.96.0.2")])
    catalog.set(slice("s", of: "a"))
    _ = catalog.takeUpdate()
    catalog.set(slice("s", of: "b"))
    #expect(endpoints(catalog.takeUpdate()) == ["a": [], "b": ["10.244.0.1:50051 ready"]])
    catalog.set(slice("s", of: nil))
    #expect(endpoints(catalog.takeUpdate()) == ["b": []])
  }

  @Test("an endpoint that moves between slices is there all the time, in whatever order they change")
  mutating func movingEndpoint() {
    catalog.set(service())
    catalog.set(slice("a", of: "cart", ["10.244.0.1", "10.244.0.2"]))
    _ = catalog.takeUpdate()
    catalog.set(slice("b", of: "cart", ["10.244.0.2"]))
    #expect(catalog.takeUpdate() == ClusterUpdate())
    catalog.set(slice("a", of: "cart", ["10.244.0.1"]))
    #expect(catalog.takeUpdate() == ClusterUpdate())
    catalog.remove(endpointSlice: name("b"))
    #expect(endpoints(catalog.takeUpdate()) == ["cart": ["10.244.0.1:50051 ready"]])
  }

  @Test("a slice's port number is that of its endpoints only")
  mutating func namedPorts() {
    catalog.set(service())
    catalog.replaceEndpointSlices(with: [
      slice("a", of: "cart", ["10.244.0.1"], port: 1), slice("b", of: "cart", ["10.244.0.2"], port: 2),
    ])
    #expect(endpoints(catalog.takeUpdate()) == ["cart": ["10.244.0.1:1 ready", "10.244.0.2:2 ready"]])
  }

  @Test("a list replaces all objects of its kind, and no others")
  mutating func lists() {
    catalog.replaceServices(with: [service("a"), service("b", ip: "10.96.0.2")])
    catalog.replaceEndpointSlices(with: [slice("x", of: "a"), slice("y", of: "b")])
    _ = catalog.takeUpdate()
    catalog.replaceEndpointSlices(with: [slice("y", of: "b")])
    #expect(endpoints(catalog.takeUpdate()) == ["a": []])
    catalog.replaceServices(with: [service("a")])
    #expect(catalog.takeUpdate().services.map(\.ports.count) == [0])
    catalog.set(service("b", ip: "10.96.0.2"))
    #expect(endpoints(catalog.takeUpdate()) == ["b": ["10.244.0.1:50051 ready"]])
  }

  @Test("a list that came in pages ends with the names of all that there is")
  mutating func pages() {
    catalog.replaceServices(with: [service("a"), service("b", ip: "10.96.0.2")])
    catalog.replaceEndpointSlices(with: [slice("x", of: "a"), slice("y", of: "b")])
    _ = catalog.takeUpdate()
    catalog.keepServices(named: [name("b")])
    catalog.keepEndpointSlices(named: [name("x")])
    #expect(endpoints(catalog.takeUpdate()) == ["a": [], "b": []])
  }

  @Test("a Service that is no longer selected is gone, and comes back with the label")
  mutating func selection() throws {
    catalog = Catalog(selector: try LabelSelector("tier=web"))
    catalog.set(service(labels: ["tier": "web"]))
    #expect(catalog.takeUpdate().services.map(\.ports.count) == [1])
    catalog.set(service(labels: ["tier": "db"]))
    #expect(catalog.takeUpdate().services.map(\.ports.count) == [0])
    catalog.set(service(labels: ["tier": "web", "service.kubernetes.io/service-proxy-name": "other"]))
    #expect(catalog.takeUpdate() == ClusterUpdate())
    catalog.set(service(labels: ["tier": "web"]))
    #expect(catalog.takeUpdate().services.map(\.ports.count) == [1])
  }

  @Test("of several Services with one external address the first by name has it, and the next when that one goes")
  mutating func externalAddresses() {
    func holders() -> [String] {
      cluster.servicePorts.filter { !$0.externalAddresses.isEmpty }.map(\.service.name)
    }
    var cluster = Cluster()
    for (index, name) in ["b", "c", "a"].enumerated() {
      catalog.set(service(name, ip: "10.96.0.\(index)", external: ["198.51.100.1"]))
      cluster.apply(catalog.takeUpdate())
      #expect(holders() == [name == "a" ? "a" : "b"])
    }
    #expect(
      cluster.warnings
        == ["b", "c"].map {
          "Service shop/\($0): Service shop/a has the address 198.51.100.1:80 too, and goes first"
        })
    catalog.remove(service: name("a"))
    let update = catalog.takeUpdate()
    #expect(update.services.map(\.service.name) == ["a", "b", "c"])
    cluster.apply(update)
    #expect(holders() == ["b"])
    catalog.set(service("b", ip: "10.96.0.0", external: ["198.51.100.1"], ports: [81]))
    cluster.apply(catalog.takeUpdate())
    #expect(holders() == ["b", "c"])
    #expect(cluster.warnings.isEmpty)
  }

  @Test("nobody takes another Service's cluster IP by calling it external")
  mutating func clusterIPFirst() {
    catalog.set(service("a", ip: "10.96.0.2", external: ["10.96.0.1"]))
    catalog.set(service("b", ip: "10.96.0.1"))
    let update = catalog.takeUpdate()
    #expect(update.services.map { $0.ports[0].addresses.count } == [1, 1])
    #expect(update.services.map { $0.ports[0].externalAddresses.count } == [0, 0])
    #expect(update.services.map(\.warnings.count) == [1, 0])
  }

  @Test("the zone is that of the agent's Node, which may change and go")
  mutating func zone() {
    func node(_ name: String, _ zone: String) -> KubernetesObject {
      .node(
        ClusterNode(
          metadata: ObjectMeta(
            namespace: "", name: name, labels: ["topology.kubernetes.io/zone": zone], location: place)))
    }
    catalog = Catalog(nodeName: "n1")
    catalog.set(node("n2", "b"))
    #expect(catalog.takeUpdate().zone == nil)
    catalog.set(node("n1", "a"))
    #expect(catalog.mayHaveChanged)
    #expect(catalog.takeUpdate() == ClusterUpdate(zone: "a"))
    catalog.remove(node: ObjectName(namespace: "", name: "n2"))
    #expect(!catalog.mayHaveChanged)
    catalog.remove(node: ObjectName(namespace: "", name: "n1"))
    #expect(catalog.takeUpdate() == ClusterUpdate())
  }

  @Test("after any changes in any order the updates add up to what all objects together amount to")
  mutating func anyOrder() {
    var random = SystemRandomNumberGenerator()
    var cluster = Cluster()
    var services: [String: Service] = [:]
    var slices: [String: EndpointSlice] = [:]
    let names = ["a", "b", "c", "d"]
    func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: values.indices, using: &random)] }
    for step in 0..<2_000 {
      let name = pick(names)
      switch Int.random(in: 0..<10, using: &random) {
      case 0: services[name] = nil
      case 1: slices[name] = nil
      case 2...4:
        services[name] = service(
          name, ip: pick(["10.96.0.1", "10.96.0.2", "10.96.0.3", nil]),
          external: pick([[], ["198.51.100.1"], ["10.96.0.1", "198.51.100.2"]]),
          labels: pick([[:], ["service.kubernetes.io/service-proxy-name": "x"]]),
          annotations: pick([[:], ["evenkeel.io/mode": "spread"], ["evenkeel.io/mode": "x"]]),
          ports: pick([[80], [80, 81], [81], []]))
      default:
        slices[name] = slice(
          name, of: pick(names + [nil]), pick([[], ["10.244.0.1"], ["10.244.0.1", "10.244.0.2"]]),
          state: pick(Endpoint.State.allCases), node: pick(["n1", "n2", nil]), port: pick([1, 2]))
      }
      if Bool.random(using: &random) {
        // As it is told object by object, which may be the same again.
        services[name].map { catalog.set($0) } ?? catalog.remove(service: self.name(name))
        slices[name].map { catalog.set($0) } ?? catalog.remove(endpointSlice: self.name(name))
      } else {
        catalog.replaceServices(with: services.values.shuffled())
        catalog.replaceEndpointSlices(with: slices.values.shuffled())
      }
      if Bool.random(using: &random) { continue }
      cluster.apply(catalog.takeUpdate())
      let whole = Assembly(services: Array(services.values), endpointSlices: Array(slices.values)).cluster
      #expect(cluster == whole, "step \(step)")
      guard cluster == whole else { return }
    }
  }

  @Test("a change costs no more where there are very many Services", .timeLimit(.minutes(1)))
  mutating func scale() {
    func fill(_ catalog: inout Catalog, _ count: Int) {
      catalog.replaceServices(
        with: (0..<count).map { service("s\($0)", ip: "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)") })
      catalog.replaceEndpointSlices(with: (0..<count).map { slice("s\($0)", of: "s\($0)") })
      _ = catalog.takeUpdate()
    }
    func cost(_ catalog: inout Catalog) -> Duration {
      let state: [Endpoint.State] = [.ready, .unready]
      let rounds = (0..<9).map { round in
        ContinuousClock().measure {
          for index in 0..<100 {
            catalog.set(slice("s\(index)", of: "s\(index)", state: state[round % 2]))
            #expect(catalog.takeUpdate().services.count <= 1)
          }
        }
      }
      return rounds.min() ?? .zero
    }
    var (few, many) = (Catalog(), Catalog())
    fill(&few, 100)
    fill(&many, 10_000)
    // A hundred times as many Services: ten times the cost would be far from one that does not depend on them.
    #expect(cost(&many) < cost(&few) * 10)
  }
}
