/// A node of the cluster: a network namespace with a bridge that its pods are plugged into.
public struct Node: Sendable, Hashable {
  public let name: String
  let number: Int
  public let namespace: NetworkNamespace
  /// Holds the pods of this node: what the node's agent is given as `--cgroup`.
  public let cgroup: Cgroup
  /// A bpf file system of the node's own: for its agent's `--bpffs`.
  public let bpffs: String
  /// A place for its agent's socket: for `--socket`.
  public let socket: String

  /// Starts a program on the node itself: in its network, but in no pod.
  public func start(
    _ command: [String], environment: [String: String] = [:], name: String? = nil
  ) async throws -> RunningProgram {
    try await RunningProgram.start(
      name ?? command[0], entering: hostCgroup, namespace.entering + command, environment: environment)
  }

  var hostCgroup: Cgroup { cgroup.child("host") }

  /// Pods send everything through the node, even what is meant for a pod on the same bridge (see `Pod.setUp`): the
  /// answer to a connection that the node has translated must come back through the node, or it would arrive with the
  /// wrong sender. Real clusters have bridged frames pass the rules with the module br_netfilter. Routing needs no
  /// module, and is the same on every machine; so here that is switched off where it is on.
  private static let settings = [
    "bridge/bridge-nf-call-iptables=0", "bridge/bridge-nf-call-ip6tables=0", "ipv4/ip_forward=1",
    "ipv6/conf/all/forwarding=1",
    // A router that sends out a packet by the interface it came in by tells the sender of the shorter way.
    "ipv4/conf/all/send_redirects=0", "ipv4/conf/default/send_redirects=0",
    // Without neighbours to collide with, waiting a second to find out (duplicate address detection) is in vain.
    "ipv6/conf/default/accept_dad=0",
    // Every refused connection is refused at once, not only one a second.
    "ipv4/icmp_ratelimit=0", "ipv6/icmp/ratelimit=0",
  ]

  /// Makes the bridge, and a link to each of the other nodes.
  func setUp(others: [Node]) async throws {
    let gateway = AddressPlan.gateway(node: number)
    let bridge = [
      "link set lo up",
      "link add bridge type bridge",
      "addr add \(gateway.ipv4)/24 dev bridge",
      "addr add \(gateway.ipv6)/64 dev bridge nodad",
      "link set bridge up",
    ]
    let links = others.map { other in
      "link add \(link(to: other)) type veth peer name \(other.link(to: self)) netns \(other.namespace.name)"
    }
    try await namespace.configure(settings: Self.settings, commands: bridge + links)
    for other in others {
      try await route(to: other)
      try await other.route(to: self)
    }
  }

  private func link(to other: Node) -> String { "to-node-\(other.number)" }

  /// The link has no addresses but link-local ones; IPv4 is routed by them too (RFC 5549).
  private func route(to other: Node) async throws {
    let (link, range) = (link(to: other), AddressPlan.podRange(node: other.number))
    try await namespace.configure(commands: [
      "addr add fe80::\(number)/64 dev \(link) nodad",
      "link set \(link) up",
      "route add \(range.ipv4) via inet6 fe80::\(other.number) dev \(link)",
      "route add \(range.ipv6) via fe80::\(other.number) dev \(link)",
    ])
  }

  /// Plugs pods into the bridge.
  func plugIn(_ pods: [Pod]) async throws {
    try await namespace.configure(
      commands: pods.flatMap { pod in
        [
          "link add pod\(pod.host) type veth peer name eth0 netns \(pod.namespace.name)",
          "link set pod\(pod.host) master bridge up",
        ]
      })
  }
}
