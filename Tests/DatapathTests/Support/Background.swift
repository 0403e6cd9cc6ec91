import Foundation
import Synchronization

/// A thread, in the namespaces of the one that starts it.
final class Background<Result: Sendable>: Sendable {
  private let outcome = Mutex<Result?>(nil)

  init(_ body: @escaping @Sendable () -> Result) {
    Thread.detachNewThread { [self] in
      let result = body()
      outcome.withLock { $0 = result }
    }
  }

  /// Waits for its end.
  func result() throws -> Result {
    guard eventually({ outcome.withLock { $0 != nil } }), let result = outcome.withLock({ $0 }) else {
      throw SandboxError("a thread of the test does not end")
    }
    return result
  }
}
