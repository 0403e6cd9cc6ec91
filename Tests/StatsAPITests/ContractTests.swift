import Foundation
import StatsAPI
import Testing

@Suite("The JSON of the contract")
struct ContractTests {
  // As DESIGN.md has them, with the ellipses filled in.
  static let services = """
    {"services": [{"namespace": "shop", "name": "cart", "port": 80, "port_name": "grpc",
      "addresses": ["10.96.0.10"], "headless": false, "mode": "balance", "policy": "least-connections", "imbalance": 1.04,
      "endpoints": [{"address": "10.244.0.11", "port": 50051, "state": "ready", "node": "n1", "zone": "a", "local": true,
        "outgoing": {"active": 3, "opened": 41, "failed": 0},
        "incoming": {"active": 3, "draining": 1, "responses": 18231, "goaways": 7, "refused": 2, "opaque": 0}}]}]}
    """
  static let connections = """
    {"connections": [{"id": 4711, "namespace": "shop", "name": "cart", "endpoint": "10.244.0.11:50051",
      "peer": "10.244.0.21:40312", "age_seconds": 12.4, "protocol": "h2", "responses": 881, "state": "open",
      "reason": null}]}
    """
  static let status = """
    {"version": "1.2.3", "pid": 4242, "uptime_seconds": 5430.5, "ready": true, "source": "/etc/evenkeel", "node": null,
      "policy": "maglev", "services": 2, "endpoints": 6, "connections": 41,
      "drain": {"enabled": true, "reason": null, "interval_seconds": 600, "jitter_percent": 10, "pace_percent": 2.5,
        "rebalance_window_seconds": 10, "grace_seconds": 0, "queued": 1, "goaways": 120, "refused": 3, "busy": 1,
        "closed": 0, "unguarded": 0},
      "maps": [{"name": "services", "entries": 4, "max_entries": 1024}],
      "outcomes": [{"name": "spread", "count": 44}, {"name": "no_endpoints", "count": 3}], "warnings": ["Service shop/cart: odd"]}
    """

  /// The values that the texts say, by name: a mistake in a key would decode as nothing at all.
  @Test("Every key is read into the value it names")
  func reading() throws {
    let service = try #require(decoded(ServiceList.self, Self.services).services.first)
    #expect(service == .sample)
    let connection = try #require(decoded(ConnectionList.self, Self.connections).connections.first)
    #expect(connection == .sample)
    #expect(try decoded(Status.self, Self.status) == .sample)
  }

  @Test("What is written has exactly the keys and values of the contract, null among them")
  func writing() throws {
    #expect(try object(ContractJSON.text(of: ServiceList(services: [.sample]))) == object(Self.services))
    #expect(try object(ContractJSON.text(of: ConnectionList(connections: [.sample]))) == object(Self.connections))
    #expect(try object(ContractJSON.text(of: Status.sample)) == object(Self.status))
    #expect(try ContractJSON.text(of: DrainReply(queued: 3)) == #"{"queued":3}"#)
    #expect(try ContractJSON.text(of: ErrorReply(error: "no \"x\"")) == #"{"error":"no \"x\""}"#)
  }

  @Test("Every value that may be absent is then an explicit null")
  func absentValues() throws {
    var service = Service.sample
    service.imbalance = nil
    service.endpoints[0].node = nil
    service.endpoints[0].zone = nil
    let text = try ContractJSON.text(of: service)
    for key in ["imbalance", "node", "zone"] { #expect(text.contains("\"\(key)\":null"), "\(key) in \(text)") }
    #expect(try decoded(Service.self, text) == service)
  }

  @Test("The text is the same every time, and pretty is the same JSON")
  func stable() throws {
    let texts = try Set((0..<20).map { _ in try ContractJSON.text(of: Status.sample) })
    #expect(texts.count == 1)
    let pretty = try ContractJSON.text(of: Status.sample, pretty: true)
    #expect(try object(pretty) == object(Self.status))
    #expect(pretty.split(separator: "\n").count > 20)
  }

  @Test(
    "A drain request names exactly one thing",
    arguments: [
      (#"{"service": "shop/cart"}"#, DrainRequest.service(namespace: "shop", name: "cart")),
      (#"{"endpoint": "10.244.0.11:50051"}"#, .endpoint("10.244.0.11:50051")),
      (#"{"endpoint": "[fd00:0::0001]:50051"}"#, .endpoint("[fd00::1]:50051")),
      (#"{"connection": 4711}"#, .connection(4711)),
    ])
  func drainRequest(text: String, request: DrainRequest) throws {
    #expect(try decoded(DrainRequest.self, text) == request)
    #expect(try decoded(DrainRequest.self, ContractJSON.text(of: request)) == request)
  }

  private func decoded<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
  }

  private func object(_ text: String) throws -> NSDictionary {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary)
  }
}
