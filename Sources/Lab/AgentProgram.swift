extension Cluster {
  /// Starts an evenkeel agent for the whole cluster, and waits until it answers that it is ready.
  ///
  /// - Parameters:
  ///   - executable: the path of `evenkeel`.
  ///   - arguments: what to add to the flags that say where the lab's things are.
  /// - Throws: `LabError.commandFailed` with what it logged if it ends instead.
  public nonisolated func startAgent(
    _ executable: String, _ arguments: [String] = [], within limit: Duration = .seconds(30)
  ) async throws -> RunningProgram {
    let places = ["--manifests", manifests, "--cgroup", cgroup.path, "--bpffs", bpffs, "--socket", socket]
    let agent = try await start([executable, "agent"] + places + arguments, name: "evenkeel agent")
    try await eventually("readiness of the agent", within: limit, every: .milliseconds(50)) {
      guard agent.isRunning else { throw try await agent.ended() }
      return try await isReady(executable)
    }
    return agent
  }

  private nonisolated func isReady(_ executable: String) async throws -> Bool {
    do {
      try await Command.run([executable, "status", "--probe=readyz", "--socket", socket])
      return true
    } catch LabError.commandFailed {
      return false
    }
  }
}
