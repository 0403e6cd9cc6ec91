/// Rows and columns of text, aligned.
struct Table {
  enum Alignment {
    case left, right
  }

  /// Foreground colours and the like: the numbers of SGR (ECMA-48 §8.3.117).
  enum Style: Int {
    case plain = 0
    case bold = 1
    case dim = 2
    case red = 31
    case green = 32
    case yellow = 33
  }

  struct Column {
    var title: String
    var alignment: Alignment

    init(_ title: String, _ alignment: Alignment = .left) {
      (self.title, self.alignment) = (title, alignment)
    }
  }

  struct Cell: ExpressibleByStringInterpolation {
    var text: String
    var style: Style

    init(_ text: String, _ style: Style = .plain) {
      (self.text, self.style) = (printable(text), style)
    }

    init(stringLiteral text: String) { self.init(text) }
  }

  var columns: [Column]
  /// Each with a cell for every column.
  var rows: [[Cell]] = []

  /// The lines, the columns' titles first.
  ///
  /// - Parameters:
  ///   - width: lines are cut to so many characters.
  func lines(color: Bool, width: Int = .max) -> [String] {
    let titles = columns.map { Cell($0.title, .bold) }
    let all = [titles] + rows
    let widths = columns.indices.map { column in all.map { $0[column].text.count }.max() ?? 0 }
    return all.map { line($0, widths: widths, color: color, width: width) }
  }

  func text(color: Bool) -> String { lines(color: color).map { $0 + "\n" }.joined() }

  private func line(_ cells: [Cell], widths: [Int], color: Bool, width: Int) -> String {
    var line = ""
    var used = 0
    var gap = 0  // written only before more text, so that no line ends in spaces
    for (index, cell) in cells.enumerated() {
      let padding = widths[index] - cell.text.count
      if columns[index].alignment == .right { gap += padding }
      if !cell.text.isEmpty {
        let text = String(cell.text.prefix(max(0, width - used - gap)))
        if text.isEmpty { break }
        line += String(repeating: " ", count: gap) + (color ? styled(text, cell.style) : text)
        used += gap + text.count
        gap = 0
      }
      gap += 2 + (columns[index].alignment == .left || cell.text.isEmpty ? padding : 0)
    }
    return line
  }
}

/// The text between the control sequences that make it so.
func styled(_ text: String, _ style: Table.Style) -> String {
  style == .plain ? text : "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
}

/// The text without control characters: it may come from anyone who can write a Service.
func printable(_ text: String) -> String {
  var scalars = String.UnicodeScalarView()
  scalars.append(
    contentsOf: text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 })
  return String(scalars)
}
