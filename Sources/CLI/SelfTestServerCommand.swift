public import ArgumentParser
internal import Shim

/// `evenkeel self-test-server`: not for people. The self-test starts it.
public struct SelfTestServerCommand: Verb {
  public static let configuration = CommandConfiguration(commandName: "self-test-server", shouldDisplay: false)

  /// How this very program is started as the self-test's server.
  static let command = ["/proc/self/exe", "self-test-server"]

  public init() {}

  public func run(in environment: Environment) async throws {
    try SelfTestServer.run(nextOrder: { readLine() }, answer: { environment.output($0 + "\n") })
  }
}
