import Balancing
import Testing

@Suite("What changes in a cluster")
struct ClusterUpdateTests {
  private let cart = ServicePort(service: ServiceName(namespace: "shop", name: "cart"), port: 80)
  private let stock = ServicePort(service: ServiceName(namespace: "shop", name: "stock"), port: 81)

  @Test("an update holds the Services that differ, and makes the one cluster of the other")
  func roundTrip() {
    var grown = stock
    grown.port = 82
    let (old, new) = (Cluster(servicePorts: [cart, stock]), Cluster(servicePorts: [stock, grown], zone: "a"))
    let update = old.update(to: new)
    #expect(update.services.map(\.service.name) == ["cart", "stock"])
    #expect(update.services.map(\.ports.count) == [0, 2])
    var cluster = old
    cluster.apply(update)
    #expect(cluster == new)
    #expect(new.update(to: new) == ClusterUpdate(zone: "a"))
  }

  @Test("a Service without ports stays known for its warnings, and is forgotten without any")
  func warnings() {
    var cluster = Cluster(servicePorts: [cart])
    cluster.apply(ClusterUpdate(services: [ServiceUpdate(service: cart.service, warnings: ["odd"])], warnings: ["bad"]))
    #expect(cluster.servicePorts.isEmpty)
    #expect(cluster.warnings == ["bad", "odd"])
    cluster.apply(ClusterUpdate(services: [ServiceUpdate(service: cart.service)]))
    #expect(cluster == Cluster())
  }

  @Test("its Service ports are sorted, whatever came first")
  func order() {
    #expect(Cluster(servicePorts: [stock, cart]).servicePorts == [cart, stock])
  }
}
