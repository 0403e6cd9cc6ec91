import Glibc
import Subprocess
import Synchronization

/// The signals that a test may want to send.
public enum Signal: Int32, Sendable {
  case hangUp = 1
  case interrupt = 2
  case kill = 9
  case terminate = 15
  case resume = 18
  case suspend = 19
}

extension RunningProgram {
  /// What changes while a program runs.
  final class State: Sendable {
    private struct Contents {
      /// Set from the start to the moment before the process is reaped; so a signal never meets a number that is used
      /// again.
      var processIdentifier: Int32?
      var errorOutput = ""
    }

    /// Enough for any message; a program that logs for hours does not fill the memory.
    private static let errorOutputLimit = 64 << 10  // bytes

    private let contents = Mutex(Contents())

    var errorOutput: String { contents.withLock { $0.errorOutput } }

    var isRunning: Bool { contents.withLock { $0.processIdentifier != nil } }

    func began(_ processIdentifier: Int32) {
      contents.withLock { $0.processIdentifier = processIdentifier }
    }

    func ended() {
      contents.withLock { $0.processIdentifier = nil }
    }

    func send(_ signal: Signal) {
      contents.withLock { contents in
        guard let processIdentifier = contents.processIdentifier else { return }
        // It can only fail for a process that has ended and is not yet reaped, which is what the caller wants.
        _ = Glibc.kill(processIdentifier, signal.rawValue)
      }
    }

    func collect(_ lines: SubprocessOutputSequence.StringSequence<UTF8>) async throws {
      for try await line in lines {
        contents.withLock {
          $0.errorOutput += line + "\n"
          let excess = $0.errorOutput.utf8.count - Self.errorOutputLimit
          if excess > 0 { $0.errorOutput = String(decoding: $0.errorOutput.utf8.dropFirst(excess), as: UTF8.self) }
        }
      }
    }
  }
}
