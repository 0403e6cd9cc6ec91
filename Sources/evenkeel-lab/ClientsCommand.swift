import ArgumentParser
import FoundationEssentials
import Glibc
import Lab
import SystemPackage

struct ClientsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clients", abstract: "Drains real clients of many languages, and writes what they did.",
    discussion: """
      To be run by scripts/clients, which builds and installs the clients, from the project's folder. Needs root. \
      Fails if requests are lost that should not be.
      """)

  @Option(help: "The evenkeel binary.")
  var agent: String = Executables.beside("evenkeel")

  @Option(help: "A Python with the packages of Tests/Peers.")
  var python: String

  @Option(help: "Where the peers' sources are.")
  var peers = "Tests/Peers"

  @Option(help: "Where scripts/grpc-go and scripts/peers have built theirs.")
  var programs = ".build/peers"

  @Option(name: .customLong("client"), help: "Only this one; may be given several times.")
  var only: [String] = []

  @Option(help: "GOAWAYs to place on connections of each client.")
  var drains = 1000

  @Option(help: "Where to write the document. (default: standard output)")
  var out: String?

  func validate() throws {
    guard access(agent, X_OK) == 0 else { throw ValidationError("--agent: \(agent) cannot be run") }
    let known = kinds.map(\.id)
    for id in only where !known.contains(id) {
      throw ValidationError("--client: '\(id)' is none of \(known.joined(separator: ", "))")
    }
    guard drains > 0 else { throw ValidationError("--drains: at least 1") }
  }

  private var kinds: [ClientKind] {
    ClientKind.all(python: python, peers: peers, programs: programs, own: Executables.own)
  }

  func run() async throws {
    let settings = ClientsSettings(agent: agent, python: python, peers: peers, drains: drains)
    let chosen = kinds.filter { only.isEmpty || only.contains($0.id) }
    let out = out
    try await cancelledBySignals {
      let versions = try await firstLines(of: ["uname -r"] + chosen.map(\.version))
      var matrix = ClientMatrix(rows: [], kernel: versions[0], setting: settings.description)
      for (kind, version) in zip(chosen, versions.dropFirst()) {
        matrix.rows.append(try await row(kind, version, settings))
      }
      if let out { try write(matrix.markdown, to: out) } else { printText(matrix.markdown) }
      guard matrix.surprises.isEmpty else {
        throw TrialFailure("requests were lost: \(matrix.surprises.joined(separator: ", "))")
      }
    }
  }
}

/// What shell commands print.
private func firstLines(of commands: [String]) async throws -> [String] {
  try await withLab(kubeProxy: false) { lab in
    var lines: [String] = []
    for command in commands {
      let program = try await lab.start(["sh", "-c", command], name: "sh -c \"\(command)\"")
      lines.append(try await program.waitForLine { !$0.isEmpty })
    }
    return lines
  }
}

private func row(_ kind: ClientKind, _ version: String, _ settings: ClientsSettings) async throws -> ClientMatrix.Row {
  let trial = ClientTrial(settings: settings, kind: kind)
  let run = try await trial.withAgent(flags: kind.flags)
  say(kind.name, run)
  var hand: ClientMatrix.Hand?
  if let known = kind.hand {
    let remedied = try await trial.withAgent(
      flags: known.flags, agentFlags: known.agentFlags, patience: known.patience)
    say("\(kind.name), with \(known.remedy)", remedied)
    let withoutAgent = known.isComparedWithServer ? try await trial.withoutAgent() : nil
    if let withoutAgent { say("\(kind.name), without an agent", withoutAgent) }
    hand = .init(advice: known.advice, remedy: known.remedy, remedied: remedied, withoutAgent: withoutAgent)
  }
  return ClientMatrix.Row(
    name: kind.name, version: version, run: run, livesOn: kind.livesOn, remark: kind.remark, hand: hand)
}

/// On standard error: the document may be on standard output.
private func say(_ name: String, _ run: ClientMatrix.Run) {
  let line = "\(name): \(run.goaways) GOAWAYs, \(run.requests) requests, \(run.report.failed) failed\n"
  _ = try? FileDescriptor.standardError.writeAll(line.utf8)
}

private func write(_ text: String, to path: String) throws {
  let file = try FileDescriptor.open(
    FilePath(path), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
  try file.closeAfter { _ = try file.writeAll(text.utf8) }
}
