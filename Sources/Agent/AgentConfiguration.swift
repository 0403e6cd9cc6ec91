public import Balancing
public import Datapath
public import Draining
public import Manifests

/// All that the agent is told at its start.
public struct AgentConfiguration: Sendable {
  public var input: Input
  public var selector: LabelSelector
  public var node: Node
  /// The cgroup v2 directory whose processes are spread and drained, with all below it.
  public var cgroup: String
  /// A BPF file system.
  public var bpffs: String
  /// The Unix socket of the stats API.
  public var socket: String
  /// Where Prometheus may scrape over TCP; nil: nowhere.
  public var metricsAddress: SocketAddress?
  public var policy: Policy
  public var drain: DrainSettings
  /// For how long an address must have been in no EndpointSlice before connections to it are closed; zero: they are not.
  public var orphanTimeout: Duration
  public var limits: DatapathLimits
  /// The command that runs `SelfTestServer`.
  public var selfTestServer: [String]

  /// Where Services and EndpointSlices come from.
  public enum Input: Sendable, Equatable {
    /// A file or directory of Kubernetes objects.
    case manifests(String)
    /// The API server that a kubeconfig's current context names.
    case kubeconfig(String)
    /// The API server of the cluster in which the agent is a pod.
    case inCluster
  }

  public init(
    input: Input, selector: LabelSelector, node: Node, cgroup: String, bpffs: String, socket: String,
    metricsAddress: SocketAddress?, policy: Policy, drain: DrainSettings, orphanTimeout: Duration,
    limits: DatapathLimits, selfTestServer: [String]
  ) {
    self.input = input
    self.selector = selector
    self.node = node
    self.cgroup = cgroup
    self.bpffs = bpffs
    self.socket = socket
    self.metricsAddress = metricsAddress
    self.policy = policy
    self.drain = drain
    self.orphanTimeout = orphanTimeout
    self.limits = limits
    self.selfTestServer = selfTestServer
  }
}
