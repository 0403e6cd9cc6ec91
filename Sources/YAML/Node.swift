/// A value in a YAML document, and where it begins. Aliases and merge keys are resolved.
public struct Node: Sendable {
  public let content: Content
  public let mark: Mark
  /// Nodes in it, itself too, each time that an alias brings one.
  let count: Int
  /// Lists and mappings in each other here.
  let height: Int

  init(_ content: Content, at mark: Mark) {
    (self.content, self.mark) = (content, mark)
    let children = content.children
    count = children.reduce(1) { $0 + $1.count }
    height = content.isScalar ? 0 : 1 + (children.map(\.height).max() ?? 0)
  }

  public enum Content: Sendable {
    case scalar(Scalar)
    case sequence([Node])
    /// In the order of the text, no scalar key twice; entries that a merge key (`<<`) brought come last.
    case mapping([Entry])
  }

  public struct Entry: Sendable {
    public let key: Node
    public let value: Node
  }
}

extension Node.Content {
  fileprivate var isScalar: Bool {
    if case .scalar = self { true } else { false }
  }

  fileprivate var children: [Node] {
    switch self {
    case .scalar: []
    case .sequence(let nodes): nodes
    case .mapping(let entries): entries.flatMap { [$0.key, $0.value] }
    }
  }
}

extension Node {
  public var scalar: Scalar? {
    if case .scalar(let scalar) = content { scalar } else { nil }
  }

  public var sequence: [Node]? {
    if case .sequence(let nodes) = content { nodes } else { nil }
  }

  public var mapping: [Entry]? {
    if case .mapping(let entries) = content { entries } else { nil }
  }

  public var isNull: Bool { scalar?.meaning == .null }
}

/// A place in a text: line and column, both counted from 1.
public struct Mark: Sendable, Equatable {
  public let line: Int
  public let column: Int

  public init(line: Int, column: Int) {
    (self.line, self.column) = (line, column)
  }
}
