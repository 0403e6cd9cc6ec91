public import ArgumentParser
internal import Datapath

/// `evenkeel cleanup`
public struct CleanupCommand: Verb {
  public static let configuration = CommandConfiguration(
    commandName: "cleanup", abstract: "Detach all programs and remove all maps that agents left in the kernel.",
    discussion: """
      For a node that Evenkeel leaves. Established connections go on; new ones take the way that they would take without \
      Evenkeel. Refused while an agent runs.
      """)

  @Option(help: ArgumentHelp("The BPF file system that the agent used.", valueName: "path"))
  var bpffs = "/sys/fs/bpf"

  public init() {}

  public func run(in environment: Environment) async throws {
    try await environment.reporting {
      let pins = try PinDirectory(bpffs: bpffs)
      let path = pins.path
      try pins.removeEverything()
      environment.output("removed \(path)\n")
    }
  }
}
