/// Makes nodes of events: YAML's representation graph (YAML 1.2, §3.2.1), as a tree.
struct Composer: ~Copyable {
  private var events: EventParser
  /// What an alias of this document can stand for.
  private var anchors: [String: Node] = [:]
  /// Nodes that aliases stand for, in the whole text.
  private var aliased = 0

  init(_ events: consuming EventParser) {
    self.events = events
  }

  /// The next document; nil after the last one.
  mutating func next() throws(YAMLError) -> Node? {
    while true {
      switch try events.next().kind {
      case .streamEnd: return nil
      case .documentStart:
        // An anchor is for one document only (YAML 1.2, §7.1).
        anchors = [:]
        let document = try node(try events.next(), depth: 0)
        // The document's end.
        _ = try events.next()
        return document
      default: continue
      }
    }
  }

  private mutating func node(_ event: Event, depth: Int) throws(YAMLError) -> Node {
    switch event.kind {
    case .alias(let name): return try alias(name, at: event.mark, depth: depth)
    case .scalar(let scalar, let anchor): return register(Node(.scalar(scalar), at: event.mark), as: anchor)
    case .sequenceStart(let anchor):
      try check(depth: depth + 1, at: event.mark)
      return register(Node(.sequence(try sequence(depth: depth + 1)), at: event.mark), as: anchor)
    case .mappingStart(let anchor):
      try check(depth: depth + 1, at: event.mark)
      return register(Node(.mapping(try mapping(depth: depth + 1)), at: event.mark), as: anchor)
    case .documentStart, .end, .streamStart, .streamEnd:
      preconditionFailure("libyaml begins no node with \(event.kind)")
    }
  }

  private func check(depth: Int, at mark: Mark) throws(YAMLError) {
    guard depth <= Limits.depth else {
      throw YAMLError(mark, "more than \(Limits.depth) lists and mappings stand in each other")
    }
  }

  private mutating func register(_ node: Node, as anchor: String?) -> Node {
    if let anchor { anchors[anchor] = node }
    return node
  }

  private mutating func alias(_ name: String, at mark: Mark, depth: Int) throws(YAMLError) -> Node {
    guard let node = anchors[name] else { throw YAMLError(mark, "found undefined alias \"\(name)\"") }
    try check(depth: depth + node.height, at: mark)
    aliased += node.count
    guard aliased <= Limits.aliasedNodes else {
      throw YAMLError(mark, "its aliases stand for more than \(Limits.aliasedNodes) values")
    }
    return node
  }

  private mutating func sequence(depth: Int) throws(YAMLError) -> [Node] {
    var nodes: [Node] = []
    while let event = try nextBeforeEnd() { nodes.append(try node(event, depth: depth)) }
    return nodes
  }

  private mutating func mapping(depth: Int) throws(YAMLError) -> [Node.Entry] {
    var entries: [Node.Entry] = []
    var merged: [Node] = []
    var keys: [String: Mark] = [:]
    while let event = try nextBeforeEnd() {
      let key = try node(event, depth: depth)
      if let name = key.scalar?.string, let first = keys.updateValue(key.mark, forKey: name) {
        throw YAMLError(first, "\"\(name)\" stands here twice")
      }
      let value = try node(try events.next(), depth: depth)
      if key.isMergeKey {
        merged += value.sequence ?? [value]
      } else {
        entries.append(Node.Entry(key: key, value: value))
      }
    }
    for node in merged { try merge(node, into: &entries, without: &keys) }
    return entries
  }

  /// Takes over the entries that are not there yet (https://yaml.org/type/merge.html).
  private func merge(
    _ node: Node, into entries: inout [Node.Entry], without keys: inout [String: Mark]
  ) throws(YAMLError) {
    guard let others = node.mapping else {
      throw YAMLError(node.mark, "<< takes a mapping, or a list of mappings")
    }
    for entry in others {
      if let name = entry.key.scalar?.string, keys.updateValue(entry.key.mark, forKey: name) != nil { continue }
      entries.append(entry)
    }
  }

  private mutating func nextBeforeEnd() throws(YAMLError) -> Event? {
    let event = try events.next()
    if case .end = event.kind { return nil }
    return event
  }
}

extension Node {
  fileprivate var isMergeKey: Bool { scalar.map { $0.isPlain && $0.string == "<<" } ?? false }
}
