extension Cluster {
  /// Starts an evenkeel agent, and waits until it answers that it is ready.
  ///
  /// - Parameters:
  ///   - executable: the path of `evenkeel`.
  ///   - arguments: what to add to the flags that say where the lab's things are.
  ///   - node: the node whose agent it is, with the node's cgroup, pins and socket; nil: one agent for the whole
  ///     cluster.
  /// - Throws: `LabError.commandFailed` with what it logged if it ends instead.
  public nonisolated func startAgent(
    _ executable: String, _ arguments: [String] = [], on node: Node? = nil, within limit: Duration = .seconds(30)
  ) async throws -> RunningProgram {
    let socket = node?.socket ?? socket
    let places =
      try await inputFlags(of: node)
      + ["--cgroup", (node?.cgroup ?? cgroup).path, "--bpffs", node?.bpffs ?? bpffs, "--socket", socket]
    let name = ["evenkeel agent", node?.name].compactMap(\.self).joined(separator: " of ")
    let agent = try await start([executable, "agent"] + places + arguments, name: name)
    try await eventually("readiness of the \(name)", within: limit, every: .milliseconds(50)) {
      guard agent.isRunning else { throw try await agent.ended() }
      return try await isReady(executable, socket: socket)
    }
    return agent
  }

  /// Takes out of the kernel what an agent has left there: `evenkeel cleanup`.
  ///
  /// - Parameter node: whose agent it was; nil: one for the whole cluster.
  /// - Throws: `LabError.commandFailed` with what it said, as where the agent still runs.
  public nonisolated func cleanUp(_ executable: String, on node: Node? = nil) async throws {
    try await Command.run(
      [executable, "cleanup", "--bpffs", node?.bpffs ?? bpffs, "--socket", node?.socket ?? socket])
  }

  private nonisolated func isReady(_ executable: String, socket: String) async throws -> Bool {
    do {
      try await Command.run([executable, "status", "--probe=readyz", "--socket", socket])
      return true
    } catch LabError.commandFailed {
      return false
    }
  }
}
