import Foundation
import Manifests
import MockAPIServer
import Testing

@testable import Kubernetes

@Suite("The scripted API server", .timeLimit(.minutes(2)))
struct MockAPIServerTests {
  private let decoder = ManifestDecoder(unknownFields: .ignored)

  /// Asks for something, and returns the status and the body.
  private func get(
    _ client: APIServerClient, _ path: String, _ query: [(String, String)] = []
  ) async throws -> (status: Int, body: [UInt8]) {
    let response = try await client.get(
      APIRequest(path: path, query: query.map { APIRequest.QueryItem($0.0, $0.1) }))
    return (response.status, try await response.read(limit: 1 << 20))
  }

  private func withServer(
    _ objects: [String], _ body: (MockAPIServer, APIServerClient) async throws -> Void
  ) async throws {
    try await withMockAPIServer { server in
      try server.put(objects)
      try await withClient(.plain(server)) { try await body(server, $0) }
    }
  }

  @Test(
    "the pages of a list are of the moment of its first, whatever changes meanwhile; after a compaction there are none")
  func consistentPages() async throws {
    try await withServer(["a", "b", "c"].map { service($0) }) { server, client in
      func page(_ continuation: String?) async throws -> ObjectList {
        let query = [("limit", "1")] + (continuation.map { [("continue", $0)] } ?? [])
        return try decoder.list(try await get(client, "/api/v1/services", query).body, source: "a test")
      }
      let first = try await page(nil)
      server.remove("services", "b", namespace: "shop")
      let second = try await page(first.continuation)
      #expect(second.objects.map(\.metadata.name) == ["b"])
      #expect(second.resourceVersion == first.resourceVersion)
      server.compact()
      let query = [("limit", "1"), ("continue", second.continuation ?? "")]
      let last = try await get(client, "/api/v1/services", query)
      #expect(last.status == 410 && decoder.status(last.body)?.reason == "Expired")
    }
  }

  @Test("one object, one namespace's and one name's are to be had, and what is not there is 404")
  func paths() async throws {
    try await withServer([service("a"), node("n1", zone: "z"), node("n2", zone: "z")]) { _, client in
      func names(_ path: String, _ query: (String, String)...) async throws -> [String] {
        let list = try decoder.list(try await get(client, path, query).body, source: path)
        return list.objects.map(\.metadata.name)
      }
      #expect(try await names("/api/v1/namespaces/shop/services") == ["a"])
      #expect(try await names("/api/v1/namespaces/other/services") == [])
      #expect(try await names("/api/v1/nodes", ("fieldSelector", "metadata.name=n2")) == ["n2"])
      let node = String(decoding: try await get(client, "/api/v1/nodes/n1").body, as: UTF8.self)
      #expect(try self.decoder.decode(node, source: "a test").map(\.metadata.name) == ["n1"])
      #expect(try await get(client, "/readyz").status == 200)
      #expect(try await get(client, "/version").status == 200)
      for path in ["/api/v1/nodes/n3", "/api/v1/pods", "/api/v1/servicesx", "/"] {
        #expect(try await get(client, path).status == 404)
      }
    }
  }

  @Test("a selector that cannot be read, and a field that is not known, are 400")
  func selectors() async throws {
    try await withServer([]) { _, client in
      for query in [("labelSelector", "a in"), ("fieldSelector", "spec.x=1")] {
        let answer = try await get(client, "/api/v1/services", [query])
        #expect(answer.status == 400)
      }
    }
  }

  @Test(
    "what is no object of a kind that is kept is not taken",
    arguments: ["", "[]", #"{"kind":"Pod","apiVersion":"v1"}"#])
  func noObject(json: String) async throws {
    try await withServer([]) { server, _ in
      #expect(throws: MockAPIServerError.self) { try server.put(json) }
    }
  }
}
