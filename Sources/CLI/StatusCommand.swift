public import ArgumentParser
internal import StatsAPI

public struct StatusCommand: Verb {
  public static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show how the agent is doing, and what it warns of.")

  @OptionGroup var options: ClientOptions

  @Option(
    defaultAsFlag: StatsClient.Probe.healthz,
    help: "Print nothing and exit 0 if the agent lives (healthz) or is ready (readyz), else 1.")
  var probe: StatsClient.Probe?

  public init() {}

  public func run(in environment: Environment) async throws {
    if let probe {
      do { try await options.client.probe(probe) } catch { throw ExitCode.failure }
      return
    }
    let status = try await options.ask(in: environment) { client throws(StatsClientError) in try await client.status() }
    try options.write(status, to: environment) { statusText($0, color: environment.usesColor) }
  }
}

extension StatsClient.Probe: ExpressibleByArgument {}
