#if canImport(Glibc)
  internal import Glibc
#endif

/// A terminal's alternate screen, with keys read one by one; with this value's end the terminal is as it was before.
struct LiveScreen: ~Copyable {
  private let environment: Environment
  private let savedMode: termios

  init(_ environment: Environment) {
    self.environment = environment
    var mode = termios()
    tcgetattr(environment.input, &mode)
    savedMode = mode
    mode.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
    tcsetattr(environment.input, TCSANOW, &mode)
    environment.output("\u{1B}[?1049h\u{1B}[?25l")  // alternate screen, no cursor
  }

  deinit {
    environment.output("\u{1B}[?25h\u{1B}[?1049l")
    var mode = savedMode
    tcsetattr(environment.input, TCSANOW, &mode)
  }

  /// Draws over what is there: every line is cleared to its end, and what is below to the screen's end. Nothing flickers.
  func draw(_ view: TopView) {
    var size = winsize()
    let isKnown = ioctl(environment.terminal, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 && size.ws_row > 0
    let (width, height) = isKnown ? (Int(size.ws_col), Int(size.ws_row)) : (80, 24)
    let lines = view.lines(width: width, height: height, color: environment.usesColor)
    environment.output("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[K\u{1B}[J")
  }
}
