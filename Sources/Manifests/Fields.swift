/// The fields of a mapping, by name.
struct Fields {
  private let content: Content
  /// The known fields that unknown ones were probably meant to be.
  private var misspelled: Set<String> = []
  private let cursor: Cursor

  private enum Content {
    case yaml(YAMLMapping)
    case json(JSONFields)
  }

  /// Nil if there is no mapping.
  init?(at cursor: Cursor) {
    self.cursor = cursor
    switch cursor.value {
    case .yaml(let node):
      guard let mapping = YAMLMapping(node, at: cursor) else { return nil }
      content = .yaml(mapping)
    case .json(let value):
      guard let fields = value.fields else { return nil }
      content = .json(fields)
    }
  }

  var names: [String] {
    switch content {
    case .yaml(let mapping): Array(mapping.values.keys)
    case .json(let fields): fields.names
    }
  }

  /// Notes a problem for each field that is not known, unless the text comes from a source that may know more.
  func refusingOthers(_ known: Set<String>) -> Fields {
    guard cursor.problems.unknownFields == .refused else { return self }
    var checked = self
    for name in names where !known.contains(name) {
      let near = nearestName(to: name, among: known)
      if let near { checked.misspelled.insert(near) }
      let hint = near.map { "; did you mean \"\($0)\"?" } ?? ""
      var place = cursor.location(of: name)
      if case .yaml(let mapping) = content { place.line = mapping.line(of: name) }
      cursor.problems.add(place, "no such field\(hint)")
    }
    return checked
  }

  /// Nil if the field is absent or null, which are the same in Kubernetes.
  subscript(name: String) -> Cursor? {
    guard let value = value(of: name), !value.isNull else { return nil }
    return Cursor(value: value, path: .field(cursor.path, name), problems: cursor.problems)
  }

  func value(of name: String) -> DocumentValue? {
    switch content {
    case .yaml(let mapping): mapping.values[name].map(DocumentValue.yaml)
    case .json(let fields): fields[name].map(DocumentValue.json)
    }
  }

  /// Nil, and a problem, if the field is absent or null.
  func required(_ name: String) -> Cursor? {
    if let value = self[name] { return value }
    // A misspelled field is one mistake, not two.
    if !misspelled.contains(name) { cursor.problems.add(cursor.location(of: name), "required, and missing") }
    return nil
  }
}
