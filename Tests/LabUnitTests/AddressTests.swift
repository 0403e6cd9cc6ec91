import Testing

@testable import Lab

@Suite("Addresses")
struct AddressTests {
  @Test("Nothing in a cluster has the address of something else")
  func distinct() {
    let nodes = [1, 2, 254]
    var addresses: [String] = []
    for node in nodes {
      let pairs = [AddressPlan.gateway(node: node)] + AddressPlan.podHosts.map { AddressPlan.pod(node: node, host: $0) }
      addresses += pairs.flatMap { [$0.ipv4, $0.ipv6] }
    }
    addresses += AddressPlan.serviceHosts.map { AddressPlan.service(host: $0) }.flatMap { [$0.ipv4, $0.ipv6] }
    #expect(Set(addresses).count == addresses.count)
  }

  @Test("A pod's addresses lie in its node's range, and end with the same number")
  func pod() {
    #expect(AddressPlan.pod(node: 2, host: 11) == AddressPair(ipv4: "10.244.2.11", ipv6: "fd00:10:244:2::11"))
    #expect(AddressPlan.podRange(node: 2) == AddressPair(ipv4: "10.244.2.0/24", ipv6: "fd00:10:244:2::/64"))
    #expect(AddressPlan.gateway(node: 2) == AddressPair(ipv4: "10.244.2.1", ipv6: "fd00:10:244:2::1"))
  }

  @Test("A number is given out once, and when all are, the error says of what")
  func pool() throws {
    var pool = NumberPool(7...9, of: "pods on a node")
    #expect(try [pool.take(), pool.take(), pool.take()] == [7, 8, 9])
    #expect(throws: LabError.refused("a lab has room for 3 pods on a node, and all were given out")) {
      try pool.take()
    }
  }

  @Test("Ids that could be mistaken for another lab's, or make a socket's path too long, are refused")
  func ids() throws {
    for id in ["", "a-b", "Demo", "a/b", "..", "é", "1234567890123"] {
      #expect(throws: LabError.self, "\(id)") { try LabResources(id: id) }
    }
    let resources = try LabResources(id: "a1")
    #expect(resources.namespace("web-1").name == "ek-a1-web-1")
    #expect(resources.directory == "/run/evenkeel-lab-a1")
  }
}
