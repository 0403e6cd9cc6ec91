import Foundation
import Synchronization
import Testing

/// A pseudo-terminal: the test plays the user who looks at it and types.
final class Terminal: Sendable {
  /// What a program has as its terminal.
  let descriptor: CInt
  private let user: CInt
  private let screen = Screen()
  private let drawn: AsyncStream<Void>

  private final class Screen: Sendable {
    let text = Mutex("")
  }

  init(columns: UInt16 = 140, rows: UInt16 = 40) throws {
    let (unlock, open): (UInt, UInt) = (0x4004_5431, 0x5441)  // TIOCSPTLCK, TIOCGPTPEER
    user = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(user >= 0, "/dev/ptmx: \(errno)")
    var locked: CInt = 0
    try #require(ioctl(user, unlock, &locked) == 0)
    descriptor = ioctl(user, open, O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(descriptor >= 0)

    let (drawn, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    self.drawn = drawn
    resize(columns: columns, rows: rows)
    let (user, screen) = (user, screen)
    Thread.detachNewThread {
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(user, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { break }  // nobody has the terminal any more
        let text = String(decoding: buffer.prefix(count), as: UTF8.self)
        screen.text.withLock { $0 += text }
        continuation.yield()
      }
      continuation.finish()
      close(user)
    }
  }

  deinit { close(descriptor) }

  func resize(columns: UInt16, rows: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(user, UInt(TIOCSWINSZ), &size)
  }

  func type(_ text: String) { _ = write(user, text, text.utf8.count) }

  /// Waits until a text is drawn, and returns all that was drawn up to now since the last call.
  @discardableResult
  func wait(for text: String) async -> String {
    for await _ in drawn where screen.text.withLock({ $0.contains(text) }) { break }
    return screen.text.withLock { text in
      defer { text = "" }
      return text
    }
  }

  /// Whether lines are read as a whole and echoed, as a shell leaves it.
  var isCooked: Bool {
    var mode = termios()
    tcgetattr(descriptor, &mode)
    return mode.c_lflag & tcflag_t(ICANON | ECHO | ISIG) == tcflag_t(ICANON | ECHO | ISIG)
  }
}
