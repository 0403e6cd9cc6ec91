public import ArgumentParser
internal import Datapath
internal import Kernel
internal import StatsAPI

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

  @Option(
    help: ArgumentHelp(
      "The agent's socket: one that no agent serves any more is removed, and its directory if nothing else is in it.",
      valueName: "path"))
  var socket = defaultSocketPath

  public init() {}

  public func run(in environment: Environment) async throws {
    try await environment.reporting {
      let pins = try PinDirectory(bpffs: bpffs)
      let path = pins.path
      try pins.removeEverything()
      environment.output("removed \(path)\n")
      try await removeSocket()
    }
  }

  /// An agent that was killed leaves its socket, and one that has ended its directory.
  private func removeSocket() async throws {
    if FileSystem.exists(socket) {
      do {
        return try await StatsClient(socketPath: socket).probe(.healthz)  // another agent's, with pins elsewhere
      } catch .noAgent {
        try FileSystem.remove(socket)
      }
    }
    if let slash = socket.lastIndex(of: "/") { FileSystem.removeIfEmpty(String(socket[..<slash])) }
  }
}
