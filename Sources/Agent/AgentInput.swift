internal import Balancing
internal import Kernel
internal import Kubernetes
internal import Logging
internal import Manifests
internal import SystemPackage

/// Where an agent has Services and EndpointSlices from.
protocol AgentInput: Sendable {
  /// For `status`.
  var description: String { get }
  /// What keeps it from being known as it is now, beyond what `Agent.reject` is told.
  var problems: [String] { get }

  /// Hands the agent what there is, and then what changes, until the task is cancelled.
  func run(_ agent: Agent) async throws

  /// Reads everything again; false where nothing can have been missed.
  func reload() -> Bool

  /// Lets go of what it holds; to be called at the end, however that comes.
  func close() async
}

extension AgentConfiguration {
  /// - Throws: `ManifestError` or `APIServerError` where it cannot be read at all.
  func openInput(logger: Logger) async throws -> any AgentInput {
    switch input {
    case .manifests(let path): try ManifestInput(path, self)
    case .kubeconfig(let path):
      KubernetesInput(
        try await APIServerClient(kubeconfig: FilePath(path), version: evenkeelVersion, logger: logger), self, logger)
    case .inCluster:
      KubernetesInput(try await .inCluster(version: evenkeelVersion, logger: logger), self, logger)
    }
  }
}

private struct ManifestInput: AgentInput {
  let description: String
  let problems: [String] = []
  private let source: ManifestSource

  init(_ path: String, _ configuration: AgentConfiguration) throws(ManifestError) {
    description = path
    source = ManifestSource(
      path: FilePath(path), selector: configuration.selector, nodeName: configuration.node.name)
    _ = try source.load()
  }

  func run(_ agent: Agent) async throws {
    try await source.run { result in
      let seen = timeSinceBoot()
      switch result {
      case .success(let cluster): try await agent.apply(cluster, seen: seen)
      case .failure(let error): await agent.reject(error)
      }
    }
  }

  func reload() -> Bool {
    source.reload()
    return true
  }

  func close() {}
}

private struct KubernetesInput: AgentInput {
  private let client: APIServerClient
  private let source: KubernetesSource

  init(_ client: APIServerClient, _ configuration: AgentConfiguration, _ logger: Logger) {
    self.client = client
    source = KubernetesSource(
      transport: client, selector: configuration.selector, nodeName: configuration.node.name,
      now: { timeSinceBoot() }, logger: logger)
  }

  var description: String { client.description }

  var problems: [String] { source.problems.map(\.message) }

  func run(_ agent: Agent) async throws {
    try await source.run { try await agent.apply($0.cluster, seen: $0.seen) }
  }

  func reload() -> Bool { false }

  func close() async { await client.shutdown() }
}
