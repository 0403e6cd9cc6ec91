public import ArgumentParser
internal import Balancing
internal import StatsAPI

public struct DrainCommand: Verb {
  public static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Have the agent drain connections now.",
    discussion: """
      Each gets one GOAWAY, at the agent's pace: its client finishes there and opens a new connection. Nothing is lost.
      """)

  @OptionGroup var options: ClientOptions

  @Option(help: ArgumentHelp("All connections to this Service.", valueName: "namespace/name"), transform: serviceName)
  var service: ServiceName?

  @Option(help: ArgumentHelp("All connections to this pod.", valueName: "ip:port"), transform: socketAddress)
  var endpoint: SocketAddress?

  @Option(help: ArgumentHelp("One connection, by its ID in 'evenkeel connections'.", valueName: "id"))
  var connection: UInt64?

  public init() {}

  public func validate() throws {
    guard requests.count == 1 else {
      throw ValidationError("give exactly one of --service, --endpoint and --connection")
    }
  }

  public func run(in environment: Environment) async throws {
    for request in requests {
      let reply = try await options.ask(in: environment) { client throws(StatsClientError) in
        try await client.drain(request)
      }
      try options.write(reply, to: environment) { "queued \(counted($0.queued, "connection")) of \(request)\n" }
    }
  }

  /// What the options ask for: one, once they are validated.
  private var requests: [DrainRequest] {
    [
      service.map { .service(namespace: $0.namespace, name: $0.name) },
      endpoint.map { .endpoint($0.description) },
      connection.map { .connection($0) },
    ].compactMap { $0 }
  }
}

@Sendable func serviceName(_ text: String) throws -> ServiceName {
  guard let name = ServiceName(text) else { throw ValidationError("expected NAMESPACE/NAME, as shop/cart") }
  return name
}

@Sendable func socketAddress(_ text: String) throws -> SocketAddress {
  guard let address = SocketAddress(text) else {
    throw ValidationError("expected IP:PORT, as 10.0.0.1:80 or [fd00::1]:80")
  }
  return address
}
