import Testing

@testable import Lab

@Suite("The nftables rules of a node")
struct KubeProxyNFTablesTests {
  private func lines(_ services: Service...) -> [String] {
    KubeProxyNFTables(services: services).transactions.joined().split(separator: "\n").map {
      String($0.drop { $0 == " " })
    }
  }

  @Test("A Service address is looked up in a map, and each pod is as likely as the others")
  func choice() {
    let lines = lines(service(pods(3)))
    #expect(lines.contains("add element ip kube-proxy service-ips { 10.96.0.10 . tcp . 80 : goto service-0 }"))
    #expect(
      lines.contains(
        "numgen random mod 3 vmap { 0 : goto endpoint-0-0, 1 : goto endpoint-0-1, 2 : goto endpoint-0-2 }"))
    #expect(lines.contains("meta l4proto tcp dnat to 10.244.1.12:50051"))
  }

  @Test("Without endpoints a connection is refused, and with them it is not")
  func refusal() {
    #expect(lines(service([])).contains { $0.contains("10.96.0.10 . tcp . 80 : goto reject-chain") })
    #expect(!lines(service(pods(1))).contains { $0.contains(": goto reject-chain") })
  }

  @Test("A chain stands before those that go to it, as nft wants it")
  func order() throws {
    let lines = lines(service(pods(2)))
    let endpoint = try #require(lines.firstIndex(of: "chain endpoint-0-1 {"))
    let service = try #require(lines.firstIndex(of: "chain service-0 {"))
    #expect(endpoint < service)
  }

  @Test("Many Services are added in parts, each with numbers of its own")
  func parts() {
    let services = service(pods(1)).copies(2_500)
    let transactions = KubeProxyNFTables(services: services).transactions
    #expect(transactions.count == 4)
    #expect(transactions[0].contains("map service-ips") && !transactions[0].contains("service-0"))
    #expect(transactions[3].contains("goto service-2499 }") && !transactions[3].contains("chain service-1999 {"))
  }

  @Test("Copies of a Service have addresses of their own, and the same pods")
  func copies() {
    let copies = service(pods(2)).copies(10_000)
    #expect(Set(copies.map(\.addresses.ipv4)).count == 10_000)
    #expect(copies.allSatisfy { $0.reachablePods.count == 2 })
    #expect(copies.last?.addresses.ipv4 == "10.97.39.250")
  }
}
