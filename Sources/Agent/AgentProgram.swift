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
  /// - Throws: `ManifestError`, `APIServerError`, `DatapathError`, `StatsServerError` or `KernelError` where it cannot
  ///   start.
  public func run() async throws {
    Memory.giveBackLargeBlocks()
    // Bad input is found before anything in the kernel is touched.
    let input = try await configuration.openInput(logger: logger)
    do {
      try await run(input)
    } catch {
      await input.close()
      throw error
    }
    await input.close()
    logger.info("ended; the data path stays in force")
  }

  private func run(_ input: any AgentInput) async throws {
    let agent = try Agent(configuration: configuration, input: input, logger: logger)
    let server = try StatsServer(socketPath: configuration.socket, provider: agent, logger: logger)
    var services: [any ServiceLifecycle.Service] = [
      server, InputService(agent: agent, input: input), ReloadService(input: input, logger: logger),
      DrainService(agent: agent),
    ]
    if let address = configuration.metricsAddress {
      services.insert(try await MetricsServer(address: address, provider: agent, logger: logger), at: 1)
    }
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
    try await group.run()
  }

  /// The life cycle's own lines matter only where something is wrong.
  private var quiet: Logger {
    var logger = logger
    logger.logLevel = max(logger.logLevel, .warning)
    return logger
  }
}

/// Puts in force what the input says, and goes on saying.
private struct InputService: ServiceLifecycle.Service {
  let agent: Agent
  let input: any AgentInput

  func run() async throws {
    try await endingQuietly { try await input.run(agent) }
  }
}

/// SIGHUP reads the input again, where nothing may have told of its changes.
private struct ReloadService: ServiceLifecycle.Service {
  let input: any AgentInput
  let logger: Logger

  func run() async throws {
    for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
      if !input.reload() { logger.notice("SIGHUP: nothing to be read again, \(input.description) is followed") }
    }
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
