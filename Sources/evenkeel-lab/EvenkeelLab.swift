import ArgumentParser
import Glibc

/// A cluster in a box, the programs that run in its pods, and the demo.
@main
struct EvenkeelLab: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evenkeel-lab",
    abstract: "Makes a small cluster out of network namespaces and cgroups, to show and test evenkeel with real gRPC.",
    subcommands: [
      DemoCommand.self, ClientsCommand.self, MeasureCommand.self, SimulateCommand.self, CleanupCommand.self,
      ServeCommand.self, CallCommand.self, CrowdCommand.self, DecodeCommand.self, BenchCommand.self,
      ExchangeCommand.self,
    ])

  static func main() async {
    // A reader that goes away (`| head`) must not end a program that has a lab to remove.
    signal(SIGPIPE, SIG_IGN)
    await main(nil)
  }
}
