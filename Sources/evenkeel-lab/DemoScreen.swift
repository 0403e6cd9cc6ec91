import Glibc

/// A terminal on which the story scrolls by above a table that stays; or a log, in which a table ends each act.
struct DemoScreen {
  private let isTerminal = isatty(STDOUT_FILENO) == 1
  /// Lines of the table on the terminal, above the cursor.
  private var drawn = 0

  mutating func draw(_ table: [String]) {
    guard isTerminal else { return }
    printText(erasure + table.map { $0 + "\n" }.joined())
    drawn = table.count
  }

  mutating func say(_ text: String, keeping table: [String]) {
    printText(erasure + text + "\n")
    drawn = 0
    draw(table)
  }

  mutating func endAct(_ table: [String]) {
    if isTerminal {
      draw(table)
    } else {
      printText(table.map { $0 + "\n" }.joined())
    }
  }

  /// Up to the table's first line, and clear the screen from there (ECMA-48: CPL, ED).
  private var erasure: String { drawn > 0 ? "\u{1b}[\(drawn)F\u{1b}[J" : "" }
}
