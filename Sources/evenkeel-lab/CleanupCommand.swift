import ArgumentParser
import Lab

struct CleanupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanup", abstract: "Removes what is left of labs that were killed. Labs that run are not touched.")

  func run() async throws {
    let removed = try await removeRemainsOfDeadLabs()
    printLine(removed.isEmpty ? "nothing to remove" : "removed: \(removed.joined(separator: ", "))")
  }
}
