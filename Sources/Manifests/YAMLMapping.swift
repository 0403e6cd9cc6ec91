import YAML

/// The fields of a mapping in YAML, by name.
struct YAMLMapping {
  private(set) var values: [String: Node] = [:]
  /// Where each name stands.
  private var lines: [String: Int] = [:]

  /// Nil if there is no mapping.
  init?(_ node: Node, at cursor: Cursor) {
    guard let mapping = node.mapping else { return nil }
    for entry in mapping {
      guard let name = entry.key.scalar?.string else {
        cursor.problems.add(cursor.location, "expected names as keys, found \(entry.key.found)")
        continue
      }
      (values[name], lines[name]) = (entry.value, entry.key.mark.line)
    }
  }

  func line(of name: String) -> Int? { lines[name] }
}
