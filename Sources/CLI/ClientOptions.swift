public import ArgumentParser
internal import StatsAPI

/// Where the agent serves its socket, unless told otherwise.
let defaultSocketPath = "/run/evenkeel/evenkeel.sock"

/// What every subcommand that asks the agent has.
public struct ClientOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The agent's socket.", valueName: "path"))
  public var socket = defaultSocketPath

  @Flag(help: "Print JSON, as the agent answers it.")
  public var json = false

  public init() {}

  var client: StatsClient { StatsClient(socketPath: socket) }

  /// Asks the agent, or writes why that failed and throws its exit code.
  func ask<Answer>(
    in environment: Environment, _ question: (StatsClient) async throws(StatsClientError) -> Answer
  ) async throws(ExitCode) -> Answer {
    do {
      return try await question(client)
    } catch {
      environment.errors("evenkeel: \(printable(error.description))\n")
      throw error.exitCode
    }
  }

  /// Writes an answer: the JSON of all of it, or a text for people.
  func write<Answer: Encodable>(
    _ answer: Answer, to environment: Environment, text: (Answer) -> String
  ) throws {
    environment.output(json ? try ContractJSON.text(of: answer, pretty: true) + "\n" : text(answer))
  }
}

extension StatsClientError {
  var exitCode: ExitCode {
    switch self {
    case .notPermitted: .notPermitted
    case .pathTooLong: .usage
    case .refused(let status, _): status < 500 ? .badData : .unavailable
    case .noAgent, .timedOut, .failed: .unavailable
    }
  }
}
