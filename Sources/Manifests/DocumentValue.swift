import YAML

/// A value in a document, whichever language it is written in: people write YAML, API servers JSON.
enum DocumentValue {
  case yaml(Node)
  case json(JSONValue)

  /// Where it stands, counted from 1; nil in JSON, which nobody reads by lines.
  var line: Int? {
    switch self {
    case .yaml(let node): node.mark.line
    case .json: nil
    }
  }

  var isNull: Bool {
    switch self {
    case .yaml(let node): node.isNull
    case .json(let value): value.isNull
    }
  }

  var isScalar: Bool {
    switch self {
    case .yaml(let node): node.scalar != nil
    case .json(let value): value.isScalar
    }
  }

  /// What stands here if it is text, and means text.
  var text: String? {
    switch self {
    case .yaml(let node):
      guard let scalar = node.scalar, case .text = scalar.meaning else { return nil }
      return scalar.string
    case .json(let value): return value.text
    }
  }

  var bool: Bool? {
    switch self {
    case .yaml(let node):
      guard case .bool(let value) = node.scalar?.meaning else { return nil }
      return value
    case .json(let value): return value.bool
    }
  }

  func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
    switch self {
    case .yaml(let node):
      guard let scalar = node.scalar, case .number = scalar.meaning else { return nil }
      return Value(scalar.string)
    case .json(let value): return value.integer(type)
    }
  }

  /// Nil if it is no list.
  var elements: [DocumentValue]? {
    switch self {
    case .yaml(let node): node.sequence?.map(DocumentValue.yaml)
    case .json(let value): value.elements?.map(DocumentValue.json)
    }
  }

  /// What stands here, in the words of an error message.
  var found: String {
    switch self {
    case .yaml(let node): node.found
    case .json(let value): value.found
    }
  }
}

/// A text in quotes, short enough for an error message.
func quoted(_ text: String) -> String { text.count > 60 ? "\"\(text.prefix(60))…\"" : "\"\(text)\"" }
