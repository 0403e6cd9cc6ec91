import ArgumentParser
import Glibc
import Lab

struct MeasureCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure", abstract: "Prints how fast draining is, how even it makes the load, and what it costs.",
    discussion: "Figures of this machine, not tests: nothing fails but what cannot be measured. Needs root.")

  enum Subject: String, CaseIterable, ExpressibleByArgument {
    /// From a pod's endpoint turning to terminating to the last GOAWAY on its 1,000 connections.
    case terminating
    /// 3 pods become 6.
    case scaleUp = "scale-up"
    /// 6 pods are replaced by 5, one by one.
    case rollingUpdate = "rolling-update"
    /// The agent of a node with 200 pods, 10,000 connections and 2,000 other processes.
    case node
    /// The agent of a node in a cluster with 10,000 Services and 100,000 endpoints.
    case cluster
    /// Programs at the hooks of connections and packets: those that do nothing, and those of the agent.
    case hooks
  }

  @Argument(help: "What to measure.")
  var subjects = Subject.allCases

  @Option(help: "The evenkeel binary.")
  var agent: String = Executables.beside("evenkeel")

  @Option(help: "How often to measure each but the node, the cluster and the hooks.")
  var runs = 3

  @Option(help: "In how many rounds to measure the hooks.")
  var rounds = 60

  func validate() throws {
    guard access(agent, X_OK) == 0 else { throw ValidationError("--agent: \(agent) cannot be run") }
    guard runs > 0, rounds > 0 else { throw ValidationError("--runs, --rounds: at least 1") }
  }

  func run() async throws {
    try await cancelledBySignals {
      for subject in subjects {
        switch subject {
        case .terminating: try await repeated { try await DrainMeasurements(agent: agent).terminating() }
        case .scaleUp: try await repeated { try await EvennessMeasurements(agent: agent).scaleUp() }
        case .rollingUpdate: try await repeated { try await EvennessMeasurements(agent: agent).rollingUpdate() }
        case .cluster: printLine(try await ClusterMeasurements(agent: agent).run())
        case .node: printLine(try await DrainMeasurements(agent: agent).node())
        case .hooks: printLine(try await HookMeasurements(rounds: rounds).text())
        }
      }
    }
  }

  private func repeated(_ measure: () async throws -> String) async throws {
    for _ in 0..<runs { printLine(try await measure()) }
  }
}
