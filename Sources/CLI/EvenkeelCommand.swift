internal import Agent
public import ArgumentParser

/// `evenkeel`
public struct EvenkeelCommand: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "evenkeel", abstract: "Keeps gRPC traffic even in Kubernetes, with nothing on the data path.",
    version: evenkeelVersion,
    subcommands: [
      AgentCommand.self, CheckCommand.self, StatusCommand.self, ServicesCommand.self, ConnectionsCommand.self,
      TopCommand.self, DrainCommand.self, CleanupCommand.self, SelfTestServerCommand.self,
    ])

  public init() {}
}
