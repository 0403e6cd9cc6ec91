/// A kind of objects that the server keeps.
enum Collection: String, CaseIterable {
  case services
  case endpointSlices
  case nodes

  init?(kind: String, apiVersion: String) {
    guard let collection = Self.allCases.first(where: { ($0.kind, $0.apiVersion) == (kind, apiVersion) }) else {
      return nil
    }
    self = collection
  }

  var plural: String { rawValue.lowercased() }

  var kind: String {
    switch self {
    case .services: "Service"
    case .endpointSlices: "EndpointSlice"
    case .nodes: "Node"
    }
  }

  var apiVersion: String { self == .endpointSlices ? "discovery.k8s.io/v1" : "v1" }

  /// The path below which it is found.
  var root: String { self == .endpointSlices ? "/apis/discovery.k8s.io/v1" : "/api/v1" }

  /// What an object without content holds beside its metadata, in the JSON of a bookmark.
  var emptyFields: String {
    switch self {
    case .services: #","spec":{},"status":{"loadBalancer":{}}"#
    case .endpointSlices: #","addressType":"","endpoints":null,"ports":null"#
    case .nodes: #","spec":{},"status":{}"#
    }
  }
}

/// What a path names: objects of one kind, perhaps of one namespace, perhaps a single one.
struct Target {
  let collection: Collection
  let namespace: String?
  let name: String?

  init?(path: String) {
    func rest(of collection: Collection) -> [Substring]? {
      guard path.hasPrefix(collection.root + "/") else { return nil }
      var parts = path.dropFirst(collection.root.count).split(separator: "/")
      if parts.first == "namespaces", parts.count >= 3 { parts.removeSubrange(0..<2) }
      return parts.first == collection.plural[...] && parts.count <= 2 ? parts : nil
    }
    guard let found = Collection.allCases.lazy.compactMap({ kind in rest(of: kind).map { (kind, $0) } }).first else {
      return nil
    }
    collection = found.0
    name = found.1.dropFirst().first.map(String.init)
    let parts = path.dropFirst(collection.root.count).split(separator: "/")
    namespace = parts.first == "namespaces" ? String(parts[1]) : nil
  }
}
