internal import Agent
public import ArgumentParser
internal import Balancing
internal import Datapath
internal import Draining
internal import Kernel
internal import Logging
internal import Manifests

/// `evenkeel agent`
public struct AgentCommand: Verb {
  public static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Spread and drain the connections of this node.",
    discussion: """
      Services and EndpointSlices come from the API server of the cluster in which it runs as a pod, from that which \
      --kubeconfig names, or from --manifests. Runs until SIGTERM; what is in the kernel by then stays in force, and the \
      next agent adopts it. SIGHUP reads the manifests again.
      """)

  @Option(
    help: ArgumentHelp("Services and EndpointSlices: a YAML or JSON file, or a directory of them.", valueName: "path"))
  var manifests: String?

  @Option(help: ArgumentHelp("A kubeconfig file, whose current context names the API server.", valueName: "path"))
  var kubeconfig: String?

  @Option(
    help: ArgumentHelp(
      """
      This node's name. (default: with --manifests, any: every endpoint may be on this node; otherwise the machine's name, \
      which is the kubelet's default too)
      """, valueName: "name"))
  var nodeName: String?

  @Option(
    help: ArgumentHelp(
      "The cgroup v2 directory whose processes are served, with all below it. (default: the mounted root)",
      valueName: "path"))
  var cgroup: String?

  @Option(help: ArgumentHelp("A mounted BPF file system.", valueName: "path"))
  var bpffs = "/sys/fs/bpf"

  @Option(help: ArgumentHelp("The Unix socket of the stats API.", valueName: "path"))
  var socket = "/run/evenkeel/evenkeel.sock"

  @Option(
    help: ArgumentHelp(
      "Where Prometheus may scrape /metrics over TCP, beside the socket. (default: nowhere)", valueName: "ip:port"))
  var metricsAddress: MetricsAddressArgument?

  @Option(help: "How an endpoint is chosen: least-connections, random or maglev.")
  var policy = PolicyArgument(value: .leastConnections)

  @Option(help: ArgumentHelp("Which Services are taken, by their labels.", valueName: "selector"))
  var serviceSelector = SelectorArgument(value: .everything)

  @Option(
    help: ArgumentHelp("The age at which connections are drained; 0s: never for their age.", valueName: "duration"))
  var drainInterval = DurationArgument(value: DrainSettings().interval)

  @Option(help: ArgumentHelp("By how many percent that age varies either way, 0 to 100.", valueName: "percent"))
  var drainJitter = DrainSettings().jitterPercent

  @Option(
    help: ArgumentHelp(
      "How many percent of a pod's connections are drained in any one second, above 0 to 100.", valueName: "percent"))
  var drainPace = DrainSettings().pacePercent

  @Option(
    help: ArgumentHelp(
      "For how long pods that were there shed connections to pods that were added; 0s: they do not.",
      valueName: "duration"))
  var rebalanceWindow = DurationArgument(value: DrainSettings().rebalanceWindow)

  @Option(
    help: ArgumentHelp(
      "How long a connection may outlive its GOAWAY; 0s: as long as its streams.", valueName: "duration"))
  var drainGrace = DurationArgument(value: .zero)

  @Option(
    help: ArgumentHelp(
      "How long an address must be in no EndpointSlice until clients' connections to it are closed; 0s: never.",
      valueName: "duration"))
  var orphanTimeout = DurationArgument(value: .zero)

  @Option(help: ArgumentHelp("Room for so many Service addresses and ports.", valueName: "count"))
  var maxServices = DatapathLimits().services

  @Option(help: ArgumentHelp("Room for so many endpoints of all Service ports.", valueName: "count"))
  var maxEndpoints = DatapathLimits().endpoints

  @Option(help: "The least severe log line: trace, debug, info, notice, warning, error or critical.")
  var logLevel = LogLevelArgument(value: .info)

  @Option(help: "How log lines look: text or json.")
  var logFormat = LogFormat.text

  public init() {}

  public func validate() throws {
    func require(_ condition: Bool, _ message: String) throws {
      guard condition else { throw ValidationError(message) }
    }
    try require(
      (0...100).contains(drainJitter), "--drain-jitter: expected a percentage from 0 to 100, found \(drainJitter)")
    try require(
      drainPace > 0 && drainPace <= 100, "--drain-pace: expected a percentage above 0, to 100, found \(drainPace)")
    try require((1...1 << 24).contains(maxServices), "--max-services: expected 1 to 16777216, found \(maxServices)")
    try require((1...1 << 24).contains(maxEndpoints), "--max-endpoints: expected 1 to 16777216, found \(maxEndpoints)")
    try require(
      manifests == nil || kubeconfig == nil, "--manifests and --kubeconfig: only one of them can be the input")
    try require(manifests != "", "--manifests: expected a path, found nothing")
    try require(kubeconfig != "", "--kubeconfig: expected a path, found nothing")
    try require(nodeName != "", "--node-name: expected a name, found nothing")
  }

  public func run(in environment: Environment) async throws {
    try await environment.reporting {
      let logger = logFormat.makeLogger(level: logLevel.value)
      try await AgentProgram(configuration: try agentConfiguration(), logger: logger).run()
    }
  }

  private var input: AgentConfiguration.Input {
    if let manifests { return .manifests(manifests) }
    return kubeconfig.map { .kubeconfig($0) } ?? .inCluster
  }

  private func agentConfiguration() throws -> AgentConfiguration {
    AgentConfiguration(
      input: input, selector: serviceSelector.value,
      node: Node(name: nodeName ?? (manifests == nil ? Machine.hostName().lowercased() : nil)),
      cgroup: try cgroup ?? mountedCgroup(), bpffs: bpffs, socket: socket,
      metricsAddress: metricsAddress?.value, policy: policy.value,
      drain: DrainSettings(
        interval: drainInterval.value, jitterPercent: drainJitter, pacePercent: drainPace,
        rebalanceWindow: rebalanceWindow.value, grace: drainGrace.value),
      orphanTimeout: orphanTimeout.value, limits: DatapathLimits(services: maxServices, endpoints: maxEndpoints),
      selfTestServer: SelfTestServerCommand.command)
  }
}
