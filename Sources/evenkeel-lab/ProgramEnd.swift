import Dispatch
import Glibc
import SystemPackage
import UnixSignals

/// When a program of a pod is to end: at SIGTERM or SIGINT, or with whoever started it.
struct ProgramEnd: Sendable {
  private let signals: UnixSignalsSequence

  init() async {
    signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
  }

  /// - Parameter limit: end after this time, if nothing else ends it; nil: never.
  func wait(limit: Duration? = nil) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in signals { return } }
      group.addTask { await endOfInput() }
      if let limit { group.addTask { try? await Task.sleep(for: limit) } }
      await group.next()
      group.cancelAll()
    }
  }

  /// The end of a pipe on standard input: its other end is held by the starter, and closed when that dies, even by
  /// SIGKILL. Anything else than a pipe (a terminal, /dev/null) has no such meaning.
  private func endOfInput() async {
    let (end, sink) = AsyncStream.makeStream(of: Never.self)
    if (try? FileDescriptor.standardInput.stat().type) == .fifo {
      // A thread that may block; tasks must not.
      DispatchQueue.global().async {
        withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { buffer in
          while let count = try? FileDescriptor.standardInput.read(into: buffer), count > 0 {}
        }
        sink.finish()
      }
    }
    for await _ in end {}
  }
}

/// Runs `work`, and cancels it at SIGINT, SIGTERM or SIGHUP: it then cleans up, and `Interrupted` is thrown.
func cancelledBySignals(_ work: @escaping @Sendable () async throws -> Void) async throws {
  let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await work() }
    group.addTask { for await signal in signals { throw Interrupted(signal: signal) } }
    defer { group.cancelAll() }
    try await group.next()
  }
}

struct Interrupted: Error, CustomStringConvertible {
  let signal: UnixSignal

  var description: String { "interrupted by \(signal)" }
}

/// Prints a line at once, also into a pipe, where `print` would wait for more.
func printLine(_ line: String) { printText(line + "\n") }

func printText(_ text: String) {
  // Without a reader there is nobody to tell.
  _ = try? FileDescriptor.standardOutput.writeAll(text.utf8)
}
