public import Balancing
public import Datapath
public import Draining
public import Manifests

/// All that the agent is told at its start.
public struct AgentConfiguration: Sendable {
  /// A file or directory of Kubernetes objects.
  public var manifests: String
  public var selector: LabelSelector
  public var node: Node
  /// The cgroup v2 directory whose processes are spread and drained, with all below it.
  public var cgroup: String
  /// A BPF file system.
  public var bpffs: String
  /// The Unix socket of the stats API.
  public var socket: String
  public var policy: Policy
  public var drain: DrainSettings
  /// For how long an address must have been in no EndpointSlice before connections to it are closed; zero: they are not.
  public var orphanTimeout: Duration
  public var limits: DatapathLimits
  /// The command that runs `SelfTestServer`.
  public var selfTestServer: [String]

  public init(
    manifests: String, selector: LabelSelector, node: Node, cgroup: String, bpffs: String, socket: String,
    policy: Policy, drain: DrainSettings, orphanTimeout: Duration, limits: DatapathLimits, selfTestServer: [String]
  ) {
    self.manifests = manifests
    self.selector = selector
    self.node = node
    self.cgroup = cgroup
    self.bpffs = bpffs
    self.socket = socket
    self.policy = policy
    self.drain = drain
    self.orphanTimeout = orphanTimeout
    self.limits = limits
    self.selfTestServer = selfTestServer
  }
}
