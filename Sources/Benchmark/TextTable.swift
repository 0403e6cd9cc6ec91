/// A table, for a terminal and for a document.
public struct TextTable: Sendable, Equatable {
  public let header: [String]
  public private(set) var rows: [[String]] = []

  public init(_ header: [String], _ rows: [[String]] = []) {
    self.header = header
    self.rows = rows
  }

  public mutating func add(_ row: [String]) { rows.append(row) }

  /// Columns as wide as they need to be: the first to the left, the others to the right.
  public var text: String {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      let cells = zip(row, widths).enumerated().map { index, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return index == 0 ? cell.0 + space : space + cell.0
      }
      return "  " + cells.joined(separator: "  ") + "\n"
    }.joined()
  }

  public var markdown: String {
    let rule = header.indices.map { $0 == 0 ? "---" : "---:" }
    return ([header, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }
}

/// Three digits, and more only before the point: what a measurement is good for.
public func number(_ value: Double) -> String {
  guard value.isFinite else { return "?" }
  let size = abs(value)
  let digits = size >= 100 ? 0 : size >= 10 ? 1 : 2
  let scale = [1.0, 10, 100][digits]
  let scaled = Int((size * scale).rounded())
  let fraction = String(scaled % Int(scale))
  let sign = value < 0 && scaled > 0 ? "-" : ""
  let whole = grouped(scaled / Int(scale))
  guard digits > 0, scaled % Int(scale) != 0 else { return sign + whole }
  return sign + whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
}

/// 1234567 as 1,234,567.
private func grouped(_ number: Int) -> String {
  let digits = Array(String(number))
  return String(
    digits.enumerated().flatMap { index, digit in
      index > 0 && (digits.count - index).isMultiple(of: 3) ? [",", digit] : [digit]
    })
}
