import Kubernetes
import Testing

@Suite("A request of the API")
struct APIRequestTests {
  @Test("keeps the order of its query")
  func query() {
    let request = APIRequest(path: "/api/v1/services", query: [.init("limit", "500"), .init("continue", "x")])
    #expect(request.query.map(\.name) == ["limit", "continue"])
  }
}
