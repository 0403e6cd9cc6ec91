import Benchmark
import FoundationEssentials
import Kernel
import Lab

/// What the BPF programs take, by the kernel's own count. In a run of its own: the counting takes time.
struct ProgramTrial {
  let stage: BenchStage
  let contender: Evenkeel

  func run() async throws -> [Report.Program] {
    try await BenchTurn.with(contender, on: stage) { way in
      guard let agent = way.agent else { return [] }
      let ids = try programs(of: agent)
      let counting = try RunTimeCounting()
      func count() throws -> [RunTimeCounting.Program] { try ids.map { try counting.program($0) } }

      let start = try count()
      let load = try await stage.h2load(
        way.one, "small", clients: 8, streams: 8, milliseconds: stage.settings.times.small * 2)
      let loaded = try count()
      let exchanges = try await stage.exchange(with: way.all, count: stage.settings.exchanges)
      let end = try count()
      return difference(start, loaded, requests: load.succeeded, "\(contender.name), small requests")
        + difference(loaded, end, requests: exchanges.count, "\(contender.name), connects")
    }
  }

  /// Those that a process has descriptors of (proc_pid_fdinfo(5)): only the agent's, whoever else there is.
  private func programs(of agent: RunningProgram) throws -> [UInt32] {
    let directory = "/proc/\(agent.processIdentifier)/fdinfo"
    let ids = try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { name -> UInt32? in
      guard let text = try? String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8) else { return nil }
      let line = text.split(separator: "\n").first { $0.hasPrefix("prog_id:") }
      return line.flatMap { UInt32($0.dropFirst("prog_id:".count).trimmingPrefix { $0.isWhitespace }) }
    }
    guard !ids.isEmpty else { throw TrialFailure("the agent has no BPF program open") }
    return Set(ids).sorted()
  }

  private func difference(
    _ before: [RunTimeCounting.Program], _ after: [RunTimeCounting.Program], requests: Int, _ name: String
  ) -> [Report.Program] {
    zip(before, after).filter { $1.runs > $0.runs }.map { before, after in
      let runs = Double(after.runs - before.runs)
      return Report.Program(
        contender: name, name: after.name, runs: Int(runs),
        nanosecondsPerRun: Double(after.nanoseconds - before.nanoseconds) / runs,
        runsPerRequest: runs / Double(requests))
    }
    // A few runs, as of the agent's own connections, say nothing of the load.
    .filter { $0.runsPerRequest > 0.01 }
  }
}
