import YAML

/// What is wrong with a kubeconfig: `users[0].user.token: expected a string`.
struct KubeconfigProblem: Error {
  let text: String
}

/// A value in a kubeconfig, and the way to it. Nil stands for an empty file.
struct KubeconfigValue {
  let node: Node?
  /// `users[0].user.token`
  let path: String

  func text() throws(KubeconfigProblem) -> String {
    // Numbers too: a token may well be one.
    guard let scalar = node?.scalar else { throw expected("a string") }
    return scalar.string
  }

  func bool() throws(KubeconfigProblem) -> Bool {
    guard case .bool(let value) = node?.scalar?.meaning else { throw expected("true or false") }
    return value
  }

  func list<Element>(
    _ read: (KubeconfigValue) throws(KubeconfigProblem) -> Element
  ) throws(KubeconfigProblem) -> [Element] {
    guard let nodes = node?.sequence else { throw expected("a list") }
    var elements: [Element] = []
    for (index, node) in nodes.enumerated() {
      elements.append(try read(KubeconfigValue(node: node, path: "\(path)[\(index)]")))
    }
    return elements
  }

  func fields() throws(KubeconfigProblem) -> KubeconfigFields {
    guard let entries = node?.mapping else { throw expected("a mapping") }
    let named = entries.compactMap { entry in entry.key.scalar.map { ($0.string, entry.value) } }
    return KubeconfigFields(nodes: Dictionary(named) { first, _ in first }, path: path)
  }

  private func expected(_ what: String) -> KubeconfigProblem {
    KubeconfigProblem(text: "\(path.isEmpty ? "the whole file" : path): expected \(what)")
  }
}

/// The fields of a mapping in a kubeconfig, by name.
struct KubeconfigFields {
  let nodes: [String: Node]
  let path: String

  /// Nil where it is absent or null.
  subscript(name: String) -> KubeconfigValue? {
    guard let node = nodes[name], !node.isNull else { return nil }
    return KubeconfigValue(node: node, path: pathOfField(name))
  }

  func required(_ name: String) throws(KubeconfigProblem) -> String {
    guard let node = nodes[name] else {
      throw KubeconfigProblem(text: "\(pathOfField(name)): required, and missing")
    }
    return try KubeconfigValue(node: node, path: pathOfField(name)).text()
  }

  func text(_ name: String) throws(KubeconfigProblem) -> String? { try self[name]?.text() }

  func bool(_ name: String) throws(KubeconfigProblem) -> Bool? { try self[name]?.bool() }

  func fields(_ name: String) throws(KubeconfigProblem) -> KubeconfigFields? { try self[name]?.fields() }

  func list<Element>(
    _ name: String, _ read: (KubeconfigValue) throws(KubeconfigProblem) -> Element
  ) throws(KubeconfigProblem) -> [Element]? { try self[name]?.list(read) }

  func texts(_ name: String) throws(KubeconfigProblem) -> [String]? {
    try list(name) { value throws(KubeconfigProblem) in try value.text() }
  }

  /// A mapping of any names to lists of strings.
  func textsByName() throws(KubeconfigProblem) -> [String: [String]] {
    var lists: [String: [String]] = [:]
    for name in nodes.keys { lists[name] = try texts(name) }
    return lists
  }

  private func pathOfField(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}
