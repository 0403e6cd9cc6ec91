public import ArgumentParser
internal import Balancing
internal import StatsAPI

public struct ConnectionsCommand: Verb {
  public static let configuration = CommandConfiguration(
    commandName: "connections", abstract: "Show the connections that this node's pods accepted.")

  @OptionGroup var options: ClientOptions

  @Option(help: ArgumentHelp("Only those to this Service.", valueName: "namespace/name"), transform: serviceName)
  var service: ServiceName?

  public init() {}

  public func run(in environment: Environment) async throws {
    var list = try await options.ask(in: environment) { client throws(StatsClientError) in
      try await client.connections()
    }
    if let service { list.connections.removeAll { ServiceName(namespace: $0.namespace, name: $0.name) != service } }
    try options.write(list, to: environment) { connectionsText($0.connections, color: environment.usesColor) }
  }
}
