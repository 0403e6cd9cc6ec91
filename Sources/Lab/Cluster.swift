public import MockAPIServer

/// A cluster in a box: nodes and pods made of network namespaces, veth pairs, bridges and cgroups, with Services that
/// work as in a cluster with kube-proxy. Of the machine's own network, nothing is used or changed.
///
/// Made by `withLab`, which also removes it. Several may run at the same time.
public actor Cluster {
  public nonisolated let id: String
  /// The lab's own directory: holds all that follows, and is removed with the lab.
  public nonisolated let directory: String
  /// Holds the Services as Kubernetes objects: for `evenkeel agent --manifests`.
  public nonisolated let manifests: String
  /// A bpf file system of the lab's own: for `--bpffs`.
  public nonisolated let bpffs: String
  /// A place for the agent's socket: for `--socket`.
  public nonisolated let socket: String
  /// Above the cgroups of all nodes and pods: for `--cgroup`.
  public nonisolated let cgroup: Cgroup

  private nonisolated let resources: LabResources
  private let hasKubeProxy: Bool
  private let objects: ObjectSource
  private var apiServer: LabAPIServer?
  private let claim: LabResources.Claim
  private var nodeNumbers = NumberPool(AddressPlan.nodeNumbers, of: "nodes")
  private var serviceHosts = NumberPool(AddressPlan.serviceHosts, of: "Services")
  private var podHosts: [Node: NumberPool] = [:]
  private var podCounts: [String: Int] = [:]
  private var services: [String: Service] = [:]
  private var lastRules: Task<Void, any Error>?

  /// In the order in which they were made.
  public private(set) var nodes: [Node] = []
  public private(set) var pods: [Pod] = []

  init(id: String, hasKubeProxy: Bool, objects: ObjectSource) throws(LabError) {
    try Prerequisites.check()
    resources = try LabResources(id: id)
    cgroup = try resources.cgroup()
    claim = try resources.claim()
    self.hasKubeProxy = hasKubeProxy
    self.objects = objects
    self.id = id
    directory = resources.directory
    manifests = resources.manifests
    bpffs = resources.bpffs
    socket = "\(resources.directory)/evenkeel.sock"
  }

  func setUp() async throws {
    try await resources.removeContents()  // the remains of a lab of this id that was killed
    try resources.make()
    try hostCgroup.make()
    if objects == .apiServer { apiServer = try await LabAPIServer(in: directory) }
    try await addNode()
  }

  func tearDown() async throws {
    await apiServer?.server.stop()
    try await resources.remove()
  }

  // MARK: Nodes and pods

  /// Adds `node-1`, `node-2` and so on, linked to all that are there. One at a time.
  @discardableResult
  public func addNode() async throws -> Node {
    let number = try nodeNumbers.take()
    let name = "node-\(number)"
    let node = Node(
      name: name, number: number, namespace: resources.namespace(name), cgroup: cgroup.child(name),
      bpffs: resources.bpffs(ofNode: name), socket: resources.socket(ofNode: name))
    for cgroup in [node.cgroup, node.hostCgroup] { try cgroup.make() }
    try resources.mountBPF(at: node.bpffs)
    try await NetworkNamespace.add([node.namespace])
    try await node.setUp(others: nodes)
    try apiServer?.add(node)
    nodes.append(node)
    try await applyRules()
    return node
  }

  /// Adds pods `name-1`, `name-2` and so on, counting on from those that were added under the name before.
  /// The name `node` is taken.
  ///
  /// - Parameter node: where; nil: on the first node.
  public func addPods(_ count: Int, named name: String, on node: Node? = nil) async throws -> [Pod] {
    let node = node ?? nodes[0]
    let added = try (0..<count).map { _ in try newPod(named: name, on: node) }
    pods += added
    for pod in added { try pod.cgroup.make() }
    try await NetworkNamespace.add(added.map(\.namespace))
    try await node.plugIn(added)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for pod in added { group.addTask { try await pod.setUp() } }
      try await group.waitForAll()
    }
    return added
  }

  private func newPod(named prefix: String, on node: Node) throws(LabError) -> Pod {
    guard prefix != "node" else { throw .refused("pods cannot be called 'node': nodes are") }
    let host = try podHosts[node, default: NumberPool(AddressPlan.podHosts, of: "pods on a node")].take()
    podCounts[prefix, default: 0] += 1
    let name = "\(prefix)-\(podCounts[prefix, default: 0])"
    return Pod(
      name: name, node: node.name, addresses: AddressPlan.pod(node: node.number, host: host),
      namespace: resources.namespace(name), cgroup: node.cgroup.child("pod-\(name)"), host: host,
      nodeNumber: node.number)
  }

  /// Ends all that runs in a pod, and removes it; of its Services, take it out before.
  public func remove(_ pod: Pod) async throws {
    pods.removeAll { $0 == pod }
    try await pod.cgroup.remove()
    try await NetworkNamespace.delete([pod.namespace])
  }

  // MARK: Services

  /// Makes a Service with a free address of each family, and applies it.
  public func addService(
    _ name: String, namespace: String = "default", ports: [Service.Port], pods: [Pod] = [], isHeadless: Bool = false
  ) async throws -> Service {
    let addresses = AddressPlan.service(host: try serviceHosts.take())
    let service = Service(
      namespace: namespace, name: name, addresses: addresses, isHeadless: isHeadless, ports: ports,
      endpoints: pods.map { .init($0) })
    try await apply(service)
    return service
  }

  /// Puts a Service in force as it now is: in its manifest, replaced in one step, and in the rules of all nodes.
  public func apply(_ service: Service) async throws {
    services[service.key] = service
    let draft = "\(directory)/\(service.key).draft"  // not in the agent's sight
    try SystemCalls.replace(manifestPath(of: service), with: Manifest(service).json(), draft: draft)
    try apiServer?.put(service)
    try await applyRules()
  }

  public func remove(_ service: Service) async throws {
    services[service.key] = nil
    try SystemCalls.removeFile(manifestPath(of: service))
    apiServer?.remove(service)
    try await applyRules()
  }

  /// The file that holds the Service's objects.
  public nonisolated func manifestPath(of service: Service) -> String { "\(manifests)/\(service.key).json" }

  /// One after the other, each with what then is in force: or an older table could replace a newer one.
  private func applyRules() async throws {
    guard hasKubeProxy else { return }
    let previous = lastRules
    let rules = Task {
      _ = await previous?.result
      let services = self.services.sorted { $0.key < $1.key }.map(\.value)
      for node in self.nodes { try await KubeProxy.apply(services, on: node) }
    }
    lastRules = rules
    try await rules.value
  }

  // MARK: Programs beside the pods

  /// The server from which agents have the lab's Services, to which others can be added.
  ///
  /// - Throws: `LabError.refused` where they have them from manifests.
  public func objectServer() throws(LabError) -> MockAPIServer {
    guard let apiServer else { throw .refused("this lab's objects are in manifests, not on an API server") }
    return apiServer.server
  }

  /// The flags with which an agent has the lab's Services.
  ///
  /// - Parameter node: whose agent it is; nil: one agent for the whole cluster.
  func inputFlags(of node: Node?) throws(LabError) -> [String] {
    guard let apiServer else {
      return ["--manifests", manifests] + (node.map { ["--node-name", $0.name] } ?? [])
    }
    guard let node = node ?? (nodes.count == 1 ? nodes[0] : nil) else {
      throw .refused("one agent for several nodes has its objects from manifests, not from an API server")
    }
    return ["--kubeconfig", apiServer.kubeconfig, "--node-name", node.name]
  }

  /// Starts a program in the machine's own network, as an agent runs with `hostNetwork`.
  public func start(
    _ command: [String], environment: [String: String] = [:], name: String? = nil
  ) async throws -> RunningProgram {
    try await RunningProgram.start(
      name ?? command[0], entering: hostCgroup, command, environment: environment)
  }

  /// Of the programs that `start` starts: the agent's, where no node has one of its own.
  public nonisolated var hostCgroup: Cgroup { cgroup.child("host") }
}

extension Service {
  /// Unique in a cluster, and good as the name of a file.
  fileprivate var key: String { "\(namespace).\(name)" }
}
