import Testing
import YAML

/// A node as a text in brackets, with quotes around scalars that are not plain.
func text(_ node: Node) -> String {
  switch node.content {
  case .scalar(let scalar): scalar.isPlain ? scalar.string : "'\(scalar.string)'"
  case .sequence(let nodes): "[\(nodes.map { text($0) }.joined(separator: ", "))]"
  case .mapping(let entries):
    "{\(entries.map { "\(text($0.key)): \(text($0.value))" }.joined(separator: ", "))}"
  }
}

/// The same, of a text's one document; nil if it has none.
func text(_ yaml: String) throws -> String? { try Node.document(in: yaml).map { text($0) } }

/// The error in a text.
func error(_ text: String) throws -> String {
  try #require(#expect(throws: YAMLError.self) { try Node.document(in: text) }).description
}
