import Synchronization

/// Unary calls and long streams on several channels at once. Every caller waits for its answer before it calls again: a
/// server or a machine that is slow gets less to do.
struct Load: Sendable {
  /// Unary callers of each channel.
  var concurrency: Int
  /// Bytes to ask for, in turn.
  var bodies: [Int]
  /// Between two calls of a unary caller.
  var pause: Duration
  /// Long streams at once on each channel.
  var streams: Int
  var ticks: EchoTicks

  /// When no new calls are begun.
  private final class Deadline: Sendable {
    private let instant: Mutex<ContinuousClock.Instant>

    init(in time: Duration) { instant = Mutex(ContinuousClock.now + time) }

    func isNow() { instant.withLock { $0 = .now } }

    var timeLeft: Duration { instant.withLock { ContinuousClock.now.duration(to: $0) } }
  }

  /// Begins calls for some time, or until the program is to end, and returns when those that were begun are over.
  func run(_ clients: [LoadClient], for time: Duration, until end: ProgramEnd) async throws {
    let deadline = Deadline(in: time)
    let ending = Task {
      await end.wait(limit: time)
      deadline.isNow()
    }
    let connections = Task {
      try await withThrowingDiscardingTaskGroup { group in
        for client in clients { group.addTask { try await client.run() } }
      }
    }
    await withDiscardingTaskGroup { callers in
      for client in clients {
        for caller in 0..<concurrency { callers.addTask { await callAgainAndAgain(client, caller, deadline) } }
        for _ in 0..<streams { callers.addTask { await streamAgainAndAgain(client, deadline) } }
      }
    }
    for client in clients { client.shutDown() }
    ending.cancel()
    try await connections.value
  }

  private func callAgainAndAgain(_ client: LoadClient, _ caller: Int, _ deadline: Deadline) async {
    var turn = caller  // Callers start at different sizes.
    while deadline.timeLeft > .zero {
      await client.echo()
      if !bodies.isEmpty { await client.fetchBody(of: bodies[turn % bodies.count]) }
      turn += 1
      try? await Task.sleep(for: pause)
    }
  }

  /// The first at once; another only if it can end in time.
  private func streamAgainAndAgain(_ client: LoadClient, _ deadline: Deadline) async {
    let length = Duration.milliseconds(ticks.milliseconds) * ticks.count
    repeat { await client.stream(ticks) } while deadline.timeLeft > length
  }
}
