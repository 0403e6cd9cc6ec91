import YAML

extension Node {
  /// What stands here, in the words of an error message.
  var found: String {
    switch content {
    case .mapping: return "a mapping"
    case .sequence(let nodes): return nodes.isEmpty ? "an empty list" : "a list"
    case .scalar(let scalar):
      switch scalar.meaning {
      case .null: return "nothing"
      case .bool, .number: return scalar.string
      case .text: return quoted(scalar.string)
      }
    }
  }
}
