import Foundation
import Testing

@testable import Lab

@Suite("Manifests")
struct ManifestTests {
  /// Only what the tests look at, read by the names that Kubernetes gives it.
  private struct List: Decodable {
    struct Item: Decodable {
      var apiVersion: String
      var kind: String
      var metadata: Metadata
      var spec: Spec?
      var addressType: String?
      var ports: [Port]?
      var endpoints: [Endpoint]?
    }
    struct Metadata: Decodable {
      var name: String
      var namespace: String
      var labels: [String: String]
      var annotations: [String: String]?
    }
    struct Spec: Decodable {
      var clusterIP: String
      var clusterIPs: [String]
      var ports: [Port]
      var sessionAffinity: String
      var internalTrafficPolicy: String
    }
    struct Port: Decodable, Equatable {
      var name: String
      var port: UInt16
    }
    struct Endpoint: Decodable, Equatable {
      var addresses: [String]
      var conditions: [String: Bool]
      var nodeName: String
    }
    var kind: String
    var items: [Item]
  }

  private func list(_ service: Service) throws -> List {
    try JSONDecoder().decode(List.self, from: Data(Manifest(service).json().utf8))
  }

  @Test("A Service is a Service and two EndpointSlices, which belong to it by their label")
  func objects() throws {
    let list = try list(service(pods(2)))
    #expect(list.kind == "List")
    #expect(list.items.map(\.kind) == ["Service", "EndpointSlice", "EndpointSlice"])
    #expect(list.items.map(\.apiVersion) == ["v1", "discovery.k8s.io/v1", "discovery.k8s.io/v1"])
    #expect(list.items.allSatisfy { $0.metadata.namespace == "shop" })
    #expect(list.items.dropFirst().allSatisfy { $0.metadata.labels["kubernetes.io/service-name"] == "web" })
    #expect(Set(list.items.dropFirst().map(\.metadata.name)).count == 2)
  }

  @Test("A headless Service has no address, and the same endpoints")
  func headless() throws {
    let (list, other) = (try list(service(pods(2), isHeadless: true)), try list(service(pods(2))))
    #expect(list.items[0].spec?.clusterIPs == ["None"] && list.items[0].spec?.clusterIP == "None")
    #expect(list.items.dropFirst().map(\.endpoints) == other.items.dropFirst().map(\.endpoints))
  }

  @Test("Clients connect to the Service's port, and pods listen on the slices'")
  func ports() throws {
    let list = try list(service(pods(1)))
    #expect(list.items[0].spec?.clusterIPs == ["10.96.0.10", "fd00:10:96::10"])
    #expect(list.items[0].spec?.ports == [.init(name: "grpc", port: 80)])
    #expect(list.items[1].ports == [.init(name: "grpc", port: 50051)])
    #expect(list.items[1].addressType == "IPv4" && list.items[1].endpoints?[0].addresses == ["10.244.1.11"])
    #expect(list.items[2].addressType == "IPv6" && list.items[2].endpoints?[0].addresses == ["fd00:10:244:1::11"])
    #expect(list.items[2].endpoints?[0].nodeName == "node-1")
  }

  @Test(
    "The state of an endpoint is three conditions",
    arguments: [
      (Service.State.ready, true, true, false), (.serving, false, true, true), (.terminating, false, false, true),
      (.unready, false, false, false),
    ])
  func conditions(state: Service.State, ready: Bool, serving: Bool, terminating: Bool) throws {
    let pods = pods(1)
    var service = service(pods)
    service.mark(pods, state)
    let conditions = try list(service).items[1].endpoints?[0].conditions
    #expect(conditions == ["ready": ready, "serving": serving, "terminating": terminating])
  }

  @Test("Annotations, affinity and traffic policy are there when set")
  func options() throws {
    var service = service([])
    #expect(try list(service).items[0].metadata.annotations == nil)
    #expect(try list(service).items[0].spec?.sessionAffinity == "None")
    service.annotations = ["evenkeel.io/policy": "maglev"]
    service.affinitySeconds = 30
    service.isLocalOnly = true
    let item = try list(service).items[0]
    #expect(item.metadata.annotations == ["evenkeel.io/policy": "maglev"])
    #expect(item.spec?.sessionAffinity == "ClientIP" && item.spec?.internalTrafficPolicy == "Local")
    #expect(try Manifest(service).json().contains("\"timeoutSeconds\" : 30"))
  }
}
