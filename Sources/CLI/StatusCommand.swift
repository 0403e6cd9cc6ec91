public import ArgumentParser
internal import StatsAPI

public struct StatusCommand: Verb {
  public static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show how the agent is doing, and what it warns of.")

  @OptionGroup var options: ClientOptions

  // A string, because what cannot be converted would count as no value; `.next`, because the default strategy drops the
  // value of `--probe=readyz` where another option follows.
  @Option(
    defaultAsFlag: StatsClient.Probe.healthz.rawValue, parsing: .next,
    help: "Print nothing and exit 0 if the agent lives (healthz) or is ready (readyz), else 1.")
  var probe: String?

  public init() {}

  public func validate() throws {
    guard let probe, StatsClient.Probe(rawValue: probe) == nil else { return }
    throw ValidationError("--probe: expected healthz or readyz, found \(probe)")
  }

  public func run(in environment: Environment) async throws {
    if let probe = probe.flatMap(StatsClient.Probe.init) {
      do { try await options.client.probe(probe) } catch { throw ExitCode.failure }
      return
    }
    let status = try await options.ask(in: environment) { client throws(StatsClientError) in try await client.status() }
    try options.write(status, to: environment) { statusText($0, color: environment.usesColor) }
  }
}
