/// The rules by which a node translates Service addresses, as kube-proxy writes them in its iptables mode
/// (pkg/proxy/iptables/proxier.go of Kubernetes), for one family, in the format of `iptables-restore`.
///
/// One thing is simpler: kube-proxy names chains by hashes, so that it can replace some and keep others. Here the whole
/// table is replaced, in one step of the kernel's, and chains have numbers.
struct KubeProxy {
  let services: [Service]
  let family: Manifest.Family

  /// A port of a Service, and where its connections go.
  struct Rule {
    let comment: String
    let address: String
    let port: UInt16
    let endpoints: [String]  // "10.244.1.11:50051", "[fd00:10:244:1::11]:50051"
    let sources: [String]
  }

  var rules: [Rule] {
    services.filter { !$0.isHeadless }.flatMap { service in
      service.ports.map { port in
        let pods = service.reachablePods.map { family.of($0.addresses) }
        return Rule(
          comment: "\(service.namespace)/\(service.name):\(port.name)", address: family.of(service.addresses),
          port: port.port, endpoints: pods.map { bracketed($0) + ":\(port.targetPort)" }, sources: pods)
      }
    }
  }

  private func bracketed(_ address: String) -> String { family == .ipv4 ? address : "[\(address)]" }

  /// The input of `iptables-restore` or `ip6tables-restore`: the whole tables `nat` and `filter`.
  var tables: String { (nat + filter).joined(separator: "\n") + "\n" }

  private var nat: [String] {
    var chains = ["KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"]
    var lines = [
      "-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
      "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
      "-A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING",
      "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
      "-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000",
      "-A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE "
        + "--random-fully",
      "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000",
    ]
    for (number, rule) in rules.enumerated() where !rule.endpoints.isEmpty {
      let service = "KUBE-SVC-\(number)"
      let match = "-m comment --comment \"\(rule.comment) cluster IP\" \(destination(rule))"
      chains.append(service)
      lines.append("-A KUBE-SERVICES \(match) -j \(service)")
      lines.append("-A \(service) \(match) ! -s \(family.of(AddressPlan.pods)) -j KUBE-MARK-MASQ")
      for (index, endpoint) in rule.endpoints.enumerated() {
        let chain = "KUBE-SEP-\(number)-\(index)"
        chains.append(chain)
        lines.append(
          "-A \(service) -m comment --comment \"\(rule.comment) -> \(endpoint)\""
            + share(of: index, among: rule.endpoints.count) + " -j \(chain)")
        // A pod that meets itself behind the Service must see another sender than its own address.
        lines.append("-A \(chain) -s \(rule.sources[index]) -j KUBE-MARK-MASQ")
        lines.append("-A \(chain) -p tcp -m tcp -j DNAT --to-destination \(endpoint)")
      }
    }
    return ["*nat"] + chains.map { ":\($0) - [0:0]" } + lines + ["COMMIT"]
  }

  /// A Service without endpoints refuses connections.
  private var filter: [String] {
    let jumps = ["FORWARD", "OUTPUT"].map { chain in
      "-A \(chain) -m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES"
    }
    let rejects = rules.filter(\.endpoints.isEmpty).map { rule in
      "-A KUBE-SERVICES -m comment --comment \"\(rule.comment) has no endpoints\" \(destination(rule)) -j REJECT"
    }
    return ["*filter", ":KUBE-SERVICES - [0:0]"] + jumps + rejects + ["COMMIT"]
  }

  private func destination(_ rule: Rule) -> String { "-d \(rule.address) -p tcp -m tcp --dport \(rule.port)" }

  /// The first of n takes one connection in n, the second one in n-1 of what is left, the last all of the rest.
  private func share(of index: Int, among count: Int) -> String {
    let left = count - index
    guard left > 1 else { return "" }
    return " -m statistic --mode random --probability \(1 / Double(left))"
  }

  /// Puts the rules in force on a node, for both families.
  static func apply(_ services: [Service], on node: Node) async throws {
    for (command, family) in [("iptables-restore", Manifest.Family.ipv4), ("ip6tables-restore", .ipv6)] {
      let tables = KubeProxy(services: services, family: family).tables
      try await Command.run([command], entering: node.namespace.entering, input: tables)
    }
  }
}
