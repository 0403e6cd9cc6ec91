/// Waits until something holds that nothing announces, by looking every few milliseconds.
///
/// - Throws: `LabError.timedOut` naming `event`; whatever `condition` throws.
public func eventually(
  _ event: String, within limit: Duration, every pause: Duration = .milliseconds(5),
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw LabError.timedOut(event, limit) }
    try await Task.sleep(for: pause)
  }
}

/// Runs `work`, and cancels it when the time is over.
///
/// - Throws: `LabError.timedOut` naming `event`; whatever `work` throws.
public func within<Result: Sendable>(
  _ limit: Duration, _ event: String, _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result.self) { group in
    group.addTask { try await work() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw LabError.timedOut(event, limit)
    }
    defer { group.cancelAll() }
    guard let first = try await group.next() else { throw CancellationError() }
    return first
  }
}
