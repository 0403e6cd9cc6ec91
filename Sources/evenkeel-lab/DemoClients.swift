import FoundationEssentials
import Lab

/// The demo's clients: a `call` program in each of the client pods.
actor DemoClients {
  private let pods: [Pod]
  private let settings: DemoSettings
  /// By IPv4 and by IPv6: client pods take turns.
  private let targets: [String]
  private let board: DemoBoard
  private var running: [CallProgram] = []
  /// What became of all requests so far.
  private(set) var total = LoadReport(event: .done)

  nonisolated let count: Int

  init(pods: [Pod], service: Service, settings: DemoSettings, board: DemoBoard) {
    (self.pods, self.settings, self.board) = (pods, settings, board)
    let port = settings.service.port
    targets = ["\(service.addresses.ipv4):\(port)", "[\(service.addresses.ipv6)]:\(port)"]
    count = pods.count * settings.clientsPerPod
  }

  func start(streams: Int) async throws {
    for (index, pod) in pods.enumerated() {
      running.append(try await launch(in: pod, target: targets[index % targets.count], streams: streams))
    }
  }

  /// Lets the clients finish what they have begun.
  ///
  /// - Returns: what became of all requests since `start`.
  @discardableResult
  func stop() async throws -> LoadReport {
    let stopped = running
    running = []
    for program in stopped { program.askToEnd() }
    var report = LoadReport(event: .done)
    for program in stopped { report.add(try await program.report()) }
    total.add(report)
    return report
  }

  /// Some more clients that come and go.
  func runNewcomers(for time: Duration) async throws -> LoadReport {
    let newcomers = try await launch(in: pods[0], target: targets[0], streams: 0)
    try await Task.sleep(for: time)
    newcomers.askToEnd()
    let report = try await newcomers.report()
    total.add(report)
    return report
  }

  private func launch(in pod: Pod, target: String, streams: Int) async throws -> CallProgram {
    let program = try await pod.start(
      [
        Executables.own, "call", "--target", target, "--channels", "\(settings.clientsPerPod)",
        "--concurrency", "1", "--bodies", "", "--pause-milliseconds", "\(settings.pauseMilliseconds)",
        "--streams", "\(streams)", "--stream-seconds", "\(settings.streamSeconds)", "--tick-milliseconds", "250",
        "--seconds", "3600", "--progress-milliseconds", "250",
      ], name: "the clients in \(pod.name)")
    return CallProgram(program) { [board] in await board.count($0) }
  }
}

/// A running `call`, whose answers are counted by server as they come.
struct CallProgram {
  private let program: RunningProgram
  private let reader: Task<LoadReport?, any Error>

  init(_ program: RunningProgram, count: @escaping @Sendable ([String: Int]) async -> Void) {
    self.program = program
    reader = Task {
      let decoder = JSONDecoder()
      var seen: [String: Int] = [:]
      var last: LoadReport?
      for await line in program.lines {
        let report = try decoder.decode(LoadReport.self, from: Data(line.utf8))
        await count(report.byServer.merging(seen) { now, before in now - before })
        (seen, last) = (report.byServer, report)
      }
      return last?.event == .done ? last : nil
    }
  }

  func askToEnd() { program.send(.terminate) }

  /// - Throws: `LabError.commandFailed` if it ended without one.
  func report() async throws -> LoadReport {
    let status = try await program.waitUntilExit()
    guard let report = try await reader.value else {
      throw LabError.commandFailed(command: program.name, status: status, errorOutput: program.errorOutput)
    }
    return report
  }
}
