/// An IPv4 and an IPv6 address of one thing: everything in a lab is dual stack.
public struct AddressPair: Sendable, Hashable {
  public let ipv4: String
  public let ipv6: String
}

/// Who has which address. Labs may use the same ones at the same time: each has namespaces of its own.
///
/// The last number of a pair reads the same in both families: 10.244.1.11 and fd00:10:244:1::11.
enum AddressPlan {
  /// All pods of all nodes: what kube-proxy calls the cluster CIDR.
  static let pods = AddressPair(ipv4: "10.244.0.0/16", ipv6: "fd00:10:244::/48")

  /// The hosts of a node's /24 that pods get; below lies the gateway, above the broadcast address.
  static let podHosts = 11...254
  static let serviceHosts = 10...254
  static let nodeNumbers = 1...254

  static func podRange(node: Int) -> AddressPair {
    AddressPair(ipv4: "10.244.\(node).0/24", ipv6: "fd00:10:244:\(node)::/64")
  }

  static func gateway(node: Int) -> AddressPair { pod(node: node, host: 1) }

  static func pod(node: Int, host: Int) -> AddressPair {
    AddressPair(ipv4: "10.244.\(node).\(host)", ipv6: "fd00:10:244:\(node)::\(host)")
  }

  static func service(host: Int) -> AddressPair {
    AddressPair(ipv4: "10.96.0.\(host)", ipv6: "fd00:10:96::\(host)")
  }
}

/// Numbers of a range, each given out once: an address that was in use does not come back as another pod's.
struct NumberPool {
  private let range: ClosedRange<Int>
  private let what: String
  private var next: Int

  init(_ range: ClosedRange<Int>, of what: String) {
    (self.range, self.what, self.next) = (range, what, range.lowerBound)
  }

  mutating func take() throws(LabError) -> Int {
    guard range.contains(next) else {
      throw .refused("a lab has room for \(range.count) \(what), and all were given out")
    }
    defer { next += 1 }
    return next
  }
}
