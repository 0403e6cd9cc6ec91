internal import Agent
public import ArgumentParser
internal import StatsAPI

/// `evenkeel check`
public struct CheckCommand: Verb {
  public static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Tell whether this node has what Evenkeel needs; no agent is asked.",
    discussion: "Exits with 1 when something that is needed is missing.")

  @Option(help: ArgumentHelp("The cgroup v2 directory. (default: the mounted root)", valueName: "path"))
  var cgroup: String?

  @Option(help: ArgumentHelp("The BPF file system.", valueName: "path"))
  var bpffs = "/sys/fs/bpf"

  @Option(help: ArgumentHelp("The agent's socket; not asked here.", visibility: .hidden))
  var socket = "/run/evenkeel/evenkeel.sock"

  @Flag(help: "Print JSON.")
  var json = false

  public init() {}

  public func run(in environment: Environment) async throws {
    let checks = await Check.all(cgroup: cgroup, bpffs: bpffs, selfTestServer: SelfTestServerCommand.command)
    if json {
      environment.output(try ContractJSON.text(of: CheckList(checks: checks), pretty: true) + "\n")
    } else {
      environment.output(text(of: checks))
    }
    if checks.contains(where: { $0.result == .missing }) { throw ExitCode(1) }
  }

  private struct CheckList: Encodable {
    let checks: [Check]
  }

  private func text(of checks: [Check]) -> String {
    let width = checks.map(\.name.count).max() ?? 0
    return checks.map { check in
      let name = check.name + String(repeating: " ", count: width - check.name.count)
      let result = check.result.rawValue.padding(to: 7)
      return "\(result)  \(name)  \(check.detail)\n"
        + (check.advice.map { String(repeating: " ", count: width + 11) + "\($0)\n" } ?? "")
    }.joined()
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
