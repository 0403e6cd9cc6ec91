/// A pod: a network namespace with an address of each family, and a cgroup. Any number of programs may run in it.
public struct Pod: Sendable, Hashable {
  public let name: String
  public let node: String
  public let addresses: AddressPair
  public let namespace: NetworkNamespace
  public let cgroup: Cgroup
  /// The last number of its addresses.
  let host: Int
  let nodeNumber: Int

  /// Starts a program in the pod; it is ended with the lab, if it has not ended before.
  ///
  /// It finds POD_NAME, POD_IP, POD_IPV6 and NODE_NAME in its environment, as Kubernetes' downward API gives them by
  /// convention.
  ///
  /// - Parameter resolver: how it finds names; nil: as the machine does, whose name servers a pod does not reach.
  public func start(
    _ command: [String], environment: [String: String] = [:], resolver: Resolver? = nil, name program: String? = nil
  ) async throws -> RunningProgram {
    try await RunningProgram.start(
      program ?? "\(command[0]) in \(name)", entering: cgroup,
      namespace.entering + (resolver?.entering ?? []) + command,
      environment: self.environment.merging(environment) { $1 })
  }

  /// Runs a command in the pod to its end.
  ///
  /// - Returns: what it printed on standard output.
  /// - Throws: `LabError.commandFailed` unless it exits with 0.
  @discardableResult
  public func run(
    _ command: [String], environment: [String: String] = [:], input: String? = nil
  ) async throws -> String {
    try await Command.run(
      command, entering: cgroup.entering + namespace.entering,
      environment: self.environment.merging(environment) { $1 }, input: input)
  }

  /// A container of the pod: the same network, and a cgroup of its own, which tells what its programs take.
  ///
  /// - Throws: `LabError.system` where the pod has such a container.
  public func container(_ name: String) throws(LabError) -> Pod {
    let container = Pod(
      name: "\(self.name)-\(name)", node: node, addresses: addresses, namespace: namespace, cgroup: cgroup.child(name),
      host: host, nodeNumber: nodeNumber)
    try container.cgroup.make()
    return container
  }

  /// Ends all that runs in a container, and removes its cgroup; the pod stays. The times of its cgroup are the pod's.
  public func removeContainer() async throws { try await cgroup.remove() }

  private var environment: [String: String] {
    ["POD_NAME": name, "POD_IP": addresses.ipv4, "POD_IPV6": addresses.ipv6, "NODE_NAME": node]
  }

  private static let settings = [
    // The node sends redirects in IPv6, whatever its settings (see `Node.settings` for why they must not be followed).
    "ipv4/conf/eth0/accept_redirects=0", "ipv6/conf/eth0/accept_redirects=0", "ipv6/conf/eth0/accept_dad=0",
  ]

  /// The pod has its node's range on its interface, but no route to the range: its only neighbour is the gateway.
  func setUp() async throws {
    let gateway = AddressPlan.gateway(node: nodeNumber)
    try await namespace.configure(
      settings: Self.settings,
      commands: [
        "link set lo up",
        "addr add \(addresses.ipv4)/24 dev eth0 noprefixroute",
        "addr add \(addresses.ipv6)/64 dev eth0 noprefixroute nodad",
        "link set eth0 up",
        "route add \(gateway.ipv4) dev eth0 scope link",
        "route add default via \(gateway.ipv4)",
        "route add \(gateway.ipv6) dev eth0",
        "route add default via \(gateway.ipv6)",
      ])
  }
}
