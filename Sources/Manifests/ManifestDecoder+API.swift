// The answers of an API server (https://kubernetes.io/docs/reference/using-api/api-concepts/): one object in them that
// means nothing valid does not spoil the others.
extension ManifestDecoder {
  /// Reads one page of a list of Services, EndpointSlices or Nodes.
  ///
  /// - Parameter source: Where the text came from, for errors.
  /// - Throws: `ManifestError` of kind `badData` if it is no such list at all.
  public func list(_ json: [UInt8], source: String) throws(ManifestError) -> ObjectList {
    try read(json, source) { root in
      guard let fields = root.fields(), let kind = fields.kind(among: Kind.lists),
        let itemKind = kind.itemKind, let metadata = fields.required("metadata")?.fields(),
        let version = metadata.required("resourceVersion")?.text()
      else { return nil }
      var list = ObjectList(objects: [], resourceVersion: version)
      list.continuation = metadata["continue"]?.text().flatMap { $0.isEmpty ? nil : $0 }
      _ = fields["items"]?.list { list.add(itemKind, at: $0) }
      return list
    }
  }

  /// Reads one line of a watch.
  ///
  /// - Parameter source: Where the text came from, for errors.
  /// - Throws: `ManifestError` of kind `badData` if it is no event, or one about an object without name.
  public func event(_ json: [UInt8], source: String) throws(ManifestError) -> WatchEvent {
    try read(json, source) { root in
      guard let fields = root.fields(), let type: EventType = fields.required("type")?.oneOf(),
        let object = fields.required("object")
      else { return nil }
      return WatchEvent(type, at: object)
    }
  }

  /// Reads one object.
  ///
  /// - Parameter source: Where the text came from, for errors.
  /// - Throws: `ManifestError` of kind `badData` if it is no object that is read, or means nothing valid.
  public func object(_ json: [UInt8], source: String) throws(ManifestError) -> KubernetesObject {
    try read(json, source) { root in
      root.fields()?.kind(among: Kind.objects).flatMap { KubernetesObject($0, at: root) }
    }
  }

  /// A `v1` Status, the body of an answer that is an error; nil if it is none.
  public func status(_ json: [UInt8]) -> APIStatus? {
    try? read(json, "status") { root in
      guard let fields = root.fields(), fields["kind"]?.isText("Status") == true else { return nil }
      return APIStatus(fields)
    }
  }

  /// Reads a whole text; nil, and a problem, where it is not what was expected.
  private func read<Value>(
    _ json: [UInt8], _ source: String, _ body: (Cursor) -> Value?
  ) throws(ManifestError) -> Value {
    let problems = Problems(source: source, unknownFields: unknownFields)
    do {
      let root = try JSONDocument(json).root
      let value = body(Cursor(value: .json(root), path: .root, problems: problems))
      if let value, problems.all.isEmpty { return value }
    } catch {
      problems.add(Location(path: source), "not valid JSON: \(error)")
    }
    throw ManifestError(.badData, problems.all)
  }
}

extension ObjectList {
  /// Takes over an item, or what is wrong with it.
  fileprivate mutating func add(_ kind: Kind, at item: Cursor) {
    let item = item.asDocument
    let object = KubernetesObject(kind, at: item)
    if let object, item.problems.all.isEmpty {
      objects.append(object)
    } else {
      let name = item.objectName
      let found = item.problems.all.map { $0.of(kind, name) }
      problems += found
      if let name { invalid[name] = ManifestError(.badData, found) }
    }
  }
}

/// `type` of an event (k8s.io/apimachinery/pkg/watch).
private enum EventType: String, CaseIterable {
  case added = "ADDED"
  case modified = "MODIFIED"
  case deleted = "DELETED"
  case bookmark = "BOOKMARK"
  case error = "ERROR"
}

extension WatchEvent {
  fileprivate init?(_ type: EventType, at object: Cursor) {
    guard let fields = object.fields() else { return nil }
    if type == .error {
      guard let status = APIStatus(fields) else { return nil }
      self = .failed(status)
      return
    }
    guard let kind = fields.kind(among: Kind.objects), let metadata = fields.required("metadata")?.fields(),
      let version = metadata.required("resourceVersion")?.nonEmptyText()
    else { return nil }
    if type == .bookmark {
      let annotation = metadata["annotations"]?.fields()?["k8s.io/initial-events-end"]
      self = .bookmark(resourceVersion: version, endsInitialEvents: annotation?.isText("true") ?? false)
      return
    }
    guard let name = ObjectName(metadata) else { return nil }
    self = type == .deleted ? .deleted(name, resourceVersion: version) : .init(kind, name, version, at: object)
  }

  /// An object that is new or has changed.
  private init(_ kind: Kind, _ name: ObjectName, _ version: String, at object: Cursor) {
    let document = object.asDocument
    if let object = KubernetesObject(kind, at: document), document.problems.all.isEmpty {
      self = .changed(object, resourceVersion: version)
    } else {
      let problems = document.problems.all.map { $0.of(kind, name) }
      self = .invalid(name, ManifestError(.badData, problems), resourceVersion: version)
    }
  }
}

extension APIStatus {
  /// Nil, and a problem, if it has no code.
  fileprivate init?(_ fields: Fields) {
    guard let code: Int = fields.required("code")?.integer(in: 100...999) else { return nil }
    let seconds: Int? = fields["details"]?.fields()?["retryAfterSeconds"]?.integer(in: 0...86_400)
    self.init(
      code: code, reason: fields["reason"]?.text() ?? "", message: fields["message"]?.text() ?? "",
      retryAfter: seconds.flatMap { $0 > 0 ? .seconds($0) : nil })
  }
}

extension Fields {
  /// The kind that an object says it is; nil, and a problem, if it is none of these.
  fileprivate func kind(among kinds: [Kind]) -> Kind? {
    guard let name = required("kind"), let text = name.text() else { return nil }
    guard let kind = kinds.first(where: { $0.rawValue == text }) else {
      return name.expected(kinds.map(\.rawValue).joined(separator: " or "))
    }
    guard let version = required("apiVersion") else { return nil }
    return version.isText(kind.apiVersion) ? kind : version.expected("\"\(kind.apiVersion)\"")
  }
}

extension Cursor {
  /// The same place, as the root of a document of its own, whose problems are its own.
  fileprivate var asDocument: Cursor {
    Cursor(
      value: value, path: .root, problems: Problems(source: problems.source, unknownFields: problems.unknownFields))
  }

  /// What an object is called, however little else of it is valid.
  fileprivate var objectName: ObjectName? {
    // A document of its own, since what is wrong with these fields is said where they are read for good.
    asDocument.fields()?["metadata"]?.fields().flatMap(ObjectName.init)
  }
}

extension ObjectName {
  /// Nil, and a problem, if `metadata` holds no name.
  fileprivate init?(_ metadata: Fields) {
    guard let name = metadata.required("name")?.nonEmptyText() else { return nil }
    self.init(namespace: metadata["namespace"]?.text() ?? "", name: name)
  }
}

extension ManifestError.Problem {
  /// The same, of an object that is known by its name rather than by where it stands.
  fileprivate func of(_ kind: Kind, _ name: ObjectName?) -> Self {
    var problem = self
    problem.location.path += ": \(kind.rawValue) \(name?.description ?? "without name")"
    return problem
  }
}
