public import ArgumentParser
internal import StatsAPI

public struct ServicesCommand: Verb {
  public static let configuration = CommandConfiguration(
    commandName: "services", abstract: "Show every Service port, its endpoints and how even the load on them is.")

  @OptionGroup var options: ClientOptions

  public init() {}

  public func run(in environment: Environment) async throws {
    let list = try await options.ask(in: environment) { client throws(StatsClientError) in try await client.services() }
    try options.write(list, to: environment) { servicesText($0.services, color: environment.usesColor) }
  }
}
