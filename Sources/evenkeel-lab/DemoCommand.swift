import ArgumentParser
import Glibc
import Lab

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Shows in a minute what evenkeel does, with real gRPC servers and clients.",
    discussion: """
      Fails unless no request was lost and the load became even. Needs root. All it makes is removed again, but for \
      the picture.
      """)

  @Option(help: "The evenkeel binary.")
  var agent: String = Executables.beside("evenkeel")

  @Flag(help: "Only the first act: what a cluster does without an agent.")
  var withoutAgent = false

  @Option(help: "Where to write the picture of each pod's share over time.")
  var svg = "evenkeel-demo.svg"

  @Flag(help: "Shorter acts: less to look at, the same checks.")
  var fast = false

  func validate() throws {
    guard withoutAgent || access(agent, X_OK) == 0 else { throw ValidationError("--agent: \(agent) cannot be run") }
  }

  func run() async throws {
    let settings = DemoSettings(agent: withoutAgent ? nil : agent, svg: svg, pace: fast ? .fast : .normal)
    try await cancelledBySignals {
      try await withLab { lab in
        try await Demo(settings, lab).run()
      }
    }
  }
}
