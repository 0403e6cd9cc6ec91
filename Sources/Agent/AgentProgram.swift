internal import Balancing
internal import Kernel
public import Logging
internal import Manifests
internal import ServiceLifecycle
internal import StatsAPI
internal import SystemPackage
internal import UnixSignals

/// The agent as a program: an ordered list of services, ended in reverse by SIGTERM or SIGINT. What is in the kernel by
/// then stays in force.
public struct AgentProgram: Sendable {
  private let configuration: AgentConfiguration
  private let logger: Logger

  public init(configuration: AgentConfiguration, logger: Logger) {
    (self.configuration, self.logger) = (configuration, logger)
  }

  /// Runs until it is told to end.
  ///
  /// - Throws: `ManifestError`, `DatapathError`, `StatsServerError` or `KernelError` where it cannot start.
  public func run() async throws {
    let source = ManifestSource(path: FilePath(configuration.manifests), selector: configuration.selector)
    // Bad input is found before anything in the kernel is touched.
    _ = try source.load()
    let agent = try Agent(configuration: configuration, logger: logger)
    let server = try StatsServer(socketPath: configuration.socket, provider: agent, logger: logger)
    let services: [any ServiceLifecycle.Service] = [
      server, InputService(agent: agent, source: source), ReloadService(source: source), DrainService(agent: agent),
    ]
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
    try await group.run()
    logger.info("ended; the data path stays in force")
  }

  /// The life cycle's own lines matter only where something is wrong.
  private var quiet: Logger {
    var logger = logger
    logger.logLevel = max(logger.logLevel, .warning)
    return logger
  }
}

/// Follows the manifests.
private struct InputService: ServiceLifecycle.Service {
  let agent: Agent
  let source: ManifestSource

  func run() async throws {
    try await endingQuietly {
      try await source.run { result in
        let seen = timeSinceBoot()
        switch result {
        case .success(let cluster): try await agent.apply(cluster, seen: seen)
        case .failure(let error): await agent.reject(error)
        }
      }
    }
  }
}

/// SIGHUP reads the manifests again.
private struct ReloadService: ServiceLifecycle.Service {
  let source: ManifestSource

  func run() async throws {
    for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() { source.reload() }
  }
}

private struct DrainService: ServiceLifecycle.Service {
  let agent: Agent

  func run() async throws {
    try await endingQuietly { await agent.drain() }
  }
}

/// Cancels the work when the program is told to end; that it was cancelled is no error then.
private func endingQuietly(_ work: @Sendable @escaping () async throws -> Void) async throws {
  do {
    try await cancelWhenGracefulShutdown(work)
  } catch is CancellationError {}
}
