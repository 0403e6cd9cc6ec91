public import ArgumentParser

/// A subcommand whose every effect goes through an environment, so that it can run inside a test.
public protocol Verb: AsyncParsableCommand {
  /// - Throws: `ExitCode` after what went wrong has been written.
  func run(in environment: Environment) async throws
}

extension Verb {
  public mutating func run() async throws { try await run(in: .process) }
}
