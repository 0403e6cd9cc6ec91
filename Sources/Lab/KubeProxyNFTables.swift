/// The same rules as kube-proxy writes them in its nftables mode (pkg/proxy/nftables/proxier.go of Kubernetes), for IPv4,
/// in the format of `nft -f`.
///
/// A Service is found in a map, not in a list of rules: one look-up, however many there are. As in `KubeProxy`, names
/// have numbers instead of hashes; node ports, load balancers and session affinity are not there.
struct KubeProxyNFTables {
  let rules: [KubeProxy.Rule]

  init(services: [Service]) { rules = KubeProxy(services: services, family: .ipv4).rules }

  /// The inputs of `nft -f`, one after the other.
  ///
  /// In parts, as the time that the kernel takes for a transaction grows with the square of its chains: in one, 10,000
  /// Services take half a minute. kube-proxy, too, adds to what is there.
  var transactions: [String] {
    let frame =
      [
        "set cluster-ips { type ipv4_addr; }",
        "map no-endpoint-services { type \(Self.key) : verdict; }",
        "map service-ips { type \(Self.key) : verdict; }",
      ] + Self.chains
    let numbered = Array(rules.enumerated())
    return [table(frame)]
      + stride(from: 0, to: numbered.count, by: Self.part).map { start in
        part(Array(numbered[start..<min(start + Self.part, numbered.count)]))
      }
  }

  /// Service ports in a transaction.
  private static let part = 1000
  private static let key = "ipv4_addr . inet_proto . inet_service"

  private func part(_ numbered: [(offset: Int, element: KubeProxy.Rule)]) -> String {
    let (served, empty) = (
      numbered.filter { !$0.element.endpoints.isEmpty }, numbered.filter(\.element.endpoints.isEmpty)
    )
    return table(served.flatMap { chains(of: $0.element, number: $0.offset) })
      + add(to: "cluster-ips", numbered.map(\.element.address))
      + add(to: "no-endpoint-services", empty.map { "\(key($0.element)) : goto reject-chain" })
      + add(to: "service-ips", served.map { "\(key($0.element)) : goto service-\($0.offset)" })
  }

  private func table(_ lines: [String]) -> String {
    "table ip kube-proxy {\n" + lines.joined(separator: "\n") + "\n}\n"
  }

  private func add(to set: String, _ elements: [String]) -> String {
    elements.isEmpty ? "" : "add element ip kube-proxy \(set) { \(elements.joined(separator: ", ")) }\n"
  }

  private func key(_ rule: KubeProxy.Rule) -> String { "\(rule.address) . tcp . \(rule.port)" }

  private func chains(of rule: KubeProxy.Rule, number: Int) -> [String] {
    let count = rule.endpoints.count
    let choices = (0..<count).map { "\($0) : goto endpoint-\(number)-\($0)" }.joined(separator: ", ")
    let service = chain(
      "service-\(number)",
      [
        "ip daddr \(rule.address) tcp dport \(rule.port) ip saddr != \(AddressPlan.pods.ipv4) jump mark-for-masquerade",
        "numgen random mod \(count) vmap { \(choices) }",
      ])
    // A pod that meets itself behind the Service must see another sender than its own address.
    let endpoints = zip(rule.endpoints, rule.sources).enumerated().map { index, endpoint in
      chain(
        "endpoint-\(number)-\(index)",
        ["ip saddr \(endpoint.1) jump mark-for-masquerade", "meta l4proto tcp dnat to \(endpoint.0)"])
    }
    return endpoints + [service]
  }

  private func chain(_ name: String, _ rules: [String]) -> String { Self.chain(name, rules) }

  private static func chain(_ name: String, _ rules: [String]) -> String {
    "chain \(name) {\n" + rules.map { "  \($0)\n" }.joined() + "}"
  }

  private static func base(_ name: String, _ hook: String, _ rules: [String]) -> String {
    chain(name, ["type \(hook); policy accept"] + rules)
  }

  /// Those that are there whatever Services there are.
  private static let chains = [
    chain("reject-chain", ["reject"]),
    chain("mark-for-masquerade", ["mark set mark or 0x4000"]),
    chain(
      "masquerading",
      ["mark and 0x4000 == 0 return", "mark set mark xor 0x4000", "masquerade fully-random"]),
    chain("service-endpoints-check", ["ip daddr . meta l4proto . th dport vmap @no-endpoint-services"]),
    chain("cluster-ips-check", ["ip daddr @cluster-ips reject"]),
    chain("services", ["ip daddr . meta l4proto . th dport vmap @service-ips"]),
    base("filter-input", "filter hook input priority filter", ["ct state new jump service-endpoints-check"]),
    base(
      "filter-forward", "filter hook forward priority filter",
      ["ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check"]),
    base(
      "filter-output-post-dnat", "filter hook output priority -90",
      ["ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check"]),
    base("nat-prerouting", "nat hook prerouting priority dstnat", ["jump services"]),
    base("nat-output", "nat hook output priority -100", ["jump services"]),
    base("nat-postrouting", "nat hook postrouting priority srcnat", ["jump masquerading"]),
  ]
}

/// How a node translates Service addresses where a lab is made without, and someone wants to compare.
public enum ServiceRules: String, Sendable, CaseIterable {
  case iptables, nftables
}

extension Node {
  /// Puts kube-proxy's rules for the Services in force on the node, for IPv4.
  public func apply(_ rules: ServiceRules, for services: [Service]) async throws {
    switch rules {
    case .iptables:
      // The variant that writes into nftables, as kube-proxy's own image chooses on such kernels; so `removeRules` gets it.
      let tables = KubeProxy(services: services, family: .ipv4).tables
      try await Command.run(["iptables-nft-restore"], entering: namespace.entering, input: tables)
    case .nftables:
      for transaction in KubeProxyNFTables(services: services).transactions {
        try await Command.run(["nft", "-f", "-"], entering: namespace.entering, input: transaction)
      }
    }
  }

  /// Removes all rules of the node, so that nothing looks at packets or follows connections any more.
  public func removeRules() async throws {
    try await Command.run(["nft", "flush", "ruleset"], entering: namespace.entering)
  }
}

extension Service {
  /// So many other Services with the same pods behind them: what a large cluster's rules are full of.
  ///
  /// - Parameter count: at most 65,000, as they have an address each from 10.97.0.0/16 on.
  public func copies(_ count: Int) -> [Service] {
    (0..<count).map { index in
      let (high, low) = (index / 250, index % 250 + 1)
      return Service(
        namespace: namespace, name: "\(name)-\(index)",
        addresses: AddressPair(ipv4: "10.97.\(high).\(low)", ipv6: "fd00:10:97::\(high):\(low)"),
        isHeadless: false, ports: ports, endpoints: endpoints)
    }
  }
}
