import Yams

/// The fields of a mapping, by name.
struct Fields {
  private(set) var nodes: [String: Node] = [:]
  /// Where each name stands.
  private var names: [String: Node] = [:]
  /// The known fields that unknown ones were probably meant to be.
  private var misspelled: Set<String> = []
  private let cursor: Cursor

  init(_ mapping: Node.Mapping, at cursor: Cursor) {
    self.cursor = cursor
    var merged: [Node] = []
    for (key, value) in mapping {
      guard let name = key.scalar else {
        cursor.problems.add(cursor.location, "expected names as keys, found \(key.found)")
        continue
      }
      if name.string == "<<" && name.style == .plain {
        merged += value.sequence.map(Array.init) ?? [value]
      } else {
        (nodes[name.string], names[name.string]) = (value, key)
      }
    }
    merged.forEach { merge($0) }
  }

  /// Takes over fields from what `<<` names (YAML 1.1's merge key): those that are not here yet.
  private mutating func merge(_ node: Node) {
    let other = Cursor(node: node, path: .field(cursor.path, "<<"), problems: cursor.problems)
    guard let fields = other.fields() else { return }
    nodes.merge(fields.nodes) { own, _ in own }
    names.merge(fields.names) { own, _ in own }
  }

  /// Notes a problem for each field that is not known, unless the text comes from a source that may know more.
  func refusingOthers(_ known: Set<String>) -> Fields {
    var checked = self
    guard cursor.problems.unknownFields == .refused else { return self }
    for (name, key) in names where !known.contains(name) {
      let near = nearestName(to: name, among: known)
      if let near { checked.misspelled.insert(near) }
      let hint = near.map { "; did you mean \"\($0)\"?" } ?? ""
      let place = Cursor(node: key, path: .field(cursor.path, name), problems: cursor.problems)
      cursor.problems.add(place.location, "no such field\(hint)")
    }
    return checked
  }

  /// Nil if the field is absent or null, which are the same in Kubernetes.
  subscript(name: String) -> Cursor? {
    guard let node = nodes[name], !node.isNull else { return nil }
    return Cursor(node: node, path: .field(cursor.path, name), problems: cursor.problems)
  }

  /// Nil, and a problem, if the field is absent or null.
  func required(_ name: String) -> Cursor? {
    if let value = self[name] { return value }
    // A misspelled field is one mistake, not two.
    if !misspelled.contains(name) {
      var location = cursor.location
      location.field = FieldPath.field(cursor.path, name).description
      cursor.problems.add(location, "required, and missing")
    }
    return nil
  }
}
