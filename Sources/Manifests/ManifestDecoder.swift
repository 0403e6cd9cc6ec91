import YAML

/// A Kubernetes object of a kind that is read.
public enum KubernetesObject: Sendable, Equatable {
  case service(Service)
  case endpointSlice(EndpointSlice)
  case node(ClusterNode)

  public var metadata: ObjectMeta {
    switch self {
    case .service(let service): service.metadata
    case .endpointSlice(let slice): slice.metadata
    case .node(let node): node.metadata
    }
  }
}

/// Reads Kubernetes objects from text: YAML or JSON (which is YAML too), one document or several, one object or a List.
/// And an API server's answers, by the same code.
///
/// Knows nothing of files.
public struct ManifestDecoder: Sendable {
  /// What to do with a field that the API does not have, as far as is known here.
  public enum UnknownFields: Sendable {
    /// In what people write, it is a typing mistake.
    case refused
    /// In what an API server writes, it comes from a newer version.
    case ignored
  }

  let unknownFields: UnknownFields

  public init(unknownFields: UnknownFields = .refused) {
    self.unknownFields = unknownFields
  }

  /// The Services, EndpointSlices and Nodes in `text`, in its order; objects of other kinds are passed over.
  ///
  /// - Parameter source: Where the text came from, a file or a URL, for errors.
  /// - Throws: `ManifestError` of kind `badData` with everything that is wrong, also if there is no object of any kind.
  public func decode(_ text: String, source: String) throws(ManifestError) -> [KubernetesObject] {
    let problems = Problems(source: source, unknownFields: unknownFields)
    let objects = decode(text, problems)
    guard problems.all.isEmpty else { throw ManifestError(.badData, problems.all) }
    return objects
  }

  /// The same, where problems of several sources are collected before they are thrown.
  func decode(_ text: String, _ problems: Problems) -> [KubernetesObject] {
    let documents = documents(in: text, problems).filter { !$0.isNull }
    if documents.isEmpty && problems.all.isEmpty {
      problems.add(Location(path: problems.source), "holds no object")
    }
    return documents.flatMap { objects(at: Cursor(value: .yaml($0), path: .root, problems: problems)) }
  }

  /// The documents before the first syntax error, which ends the text.
  private func documents(in text: String, _ problems: Problems) -> [Node] {
    var documents: [Node] = []
    do {
      try Node.forEachDocument(in: text) { documents.append($0) }
    } catch {
      problems.add(Location(path: problems.source, line: error.mark.line), "not valid YAML: \(error.problem)")
    }
    return documents
  }

  /// The objects in one document or List item, whose kind may be known from the List.
  private func objects(at cursor: Cursor, in list: Kind? = nil) -> [KubernetesObject] {
    guard let fields = cursor.fields() else { return [] }
    guard let name = list.map(\.rawValue) ?? fields.required("kind")?.text(),
      let version = list.map(\.apiVersion) ?? fields.required("apiVersion")?.text()
    else { return [] }
    guard isKubernetesOwn(version) else { return [] }
    guard let kind = Kind(rawValue: name) else {
      if let near = nearestName(to: name, among: Kind.allCases.map(\.rawValue)), let place = fields["kind"]?.location {
        cursor.problems.add(place, "no such kind: \(name); did you mean \(near)?")
      }
      return []
    }
    guard version == kind.apiVersion else {
      return fields["apiVersion"]?.expected("\"\(kind.apiVersion)\" for kind \(name)") ?? []
    }
    guard kind.isList else { return KubernetesObject(kind, at: cursor).map { [$0] } ?? [] }
    let items = cursor.fields(known: listFields)?["items"]?.list { objects(at: $0, in: kind.itemKind) }
    return items?.flatMap(\.self) ?? []
  }

  /// Whether a version belongs to one of Kubernetes' own API groups. Others have Services too: Knative, for one.
  private func isKubernetesOwn(_ apiVersion: String) -> Bool {
    let parts = apiVersion.split(separator: "/")
    guard parts.count == 2, let group = parts.first else { return true }
    return !group.contains(".") || group.hasSuffix(".k8s.io")
  }
}

private let listFields: Set = ["apiVersion", "items", "kind", "metadata"]

extension KubernetesObject {
  /// Reads an object of a kind that is none of lists.
  init?(_ kind: Kind, at cursor: Cursor) {
    let object: KubernetesObject? =
      switch kind {
      case .service: Service(cursor).map(KubernetesObject.service)
      case .endpointSlice: EndpointSlice(cursor).map(KubernetesObject.endpointSlice)
      case .node: ClusterNode(cursor).map(KubernetesObject.node)
      case .list, .serviceList, .endpointSliceList, .nodeList: nil
      }
    guard let object else { return nil }
    self = object
  }
}

/// The kinds of objects that are read.
enum Kind: String, CaseIterable {
  case service = "Service"
  case endpointSlice = "EndpointSlice"
  case node = "Node"
  case list = "List"
  case serviceList = "ServiceList"
  case endpointSliceList = "EndpointSliceList"
  case nodeList = "NodeList"

  var apiVersion: String {
    switch self {
    case .service, .node, .list, .serviceList, .nodeList: "v1"
    case .endpointSlice, .endpointSliceList: "discovery.k8s.io/v1"
    }
  }

  /// What the items of a list are, where they do not say it themselves.
  var itemKind: Kind? {
    switch self {
    case .serviceList: .service
    case .endpointSliceList: .endpointSlice
    case .nodeList: .node
    case .list, .service, .endpointSlice, .node: nil
    }
  }

  static let objects = [service, endpointSlice, node]
  /// Lists of objects of one kind.
  static let lists = [serviceList, endpointSliceList, nodeList]

  var isList: Bool { self == .list || itemKind != nil }
}
