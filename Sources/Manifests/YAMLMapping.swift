import Yams

/// The fields of a mapping in YAML, by name, merged ones included.
struct YAMLMapping {
  private(set) var values: [String: Node] = [:]
  /// Where each name stands.
  private var names: [String: Node] = [:]

  /// Nil if there is no mapping.
  init?(_ node: Node, at cursor: Cursor) {
    guard let mapping = node.mapping else { return nil }
    var merged: [Node] = []
    for (key, value) in mapping {
      guard let name = key.scalar else {
        cursor.problems.add(cursor.location, "expected names as keys, found \(key.found)")
        continue
      }
      if name.string == "<<" && name.style == .plain {
        merged += value.sequence.map(Array.init) ?? [value]
      } else {
        (values[name.string], names[name.string]) = (value, key)
      }
    }
    merged.forEach { merge($0, at: cursor) }
  }

  func line(of name: String) -> Int? { names[name]?.mark?.line }

  /// Takes over fields from what `<<` names (YAML 1.1's merge key): those that are not here yet.
  private mutating func merge(_ node: Node, at cursor: Cursor) {
    let other = Cursor(value: .yaml(node), path: .field(cursor.path, "<<"), problems: cursor.problems)
    guard let fields = YAMLMapping(node, at: other) else {
      cursor.problems.add(other.location, "expected a mapping, found \(node.found)")
      return
    }
    values.merge(fields.values) { own, _ in own }
    names.merge(fields.names) { own, _ in own }
  }
}
