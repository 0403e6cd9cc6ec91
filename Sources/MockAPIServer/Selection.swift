internal import Manifests

/// Which objects of a collection a request is about.
struct Selection {
  let collection: Collection
  let namespace: String?
  let labels: LabelSelector
  /// Of `fieldSelector=metadata.name=NAME`, the only field that is known.
  let name: String?

  /// - Throws: `APIStatus` for a selector that cannot be read.
  init(_ target: Target, _ query: [String: String]) throws(APIStatus) {
    (collection, namespace) = (target.collection, target.namespace)
    do {
      labels = try LabelSelector(query["labelSelector"] ?? "")
    } catch {
      throw APIStatus(code: 400, reason: "BadRequest", message: "unable to parse requirement: \(error)")
    }
    let field = query["fieldSelector"] ?? ""
    guard field.isEmpty || field.hasPrefix("metadata.name=") else {
      throw APIStatus(code: 400, reason: "BadRequest", message: "field label not supported: \(field)")
    }
    name = field.isEmpty ? nil : String(field.dropFirst("metadata.name=".count))
  }

  func contains(_ object: StoredObject) -> Bool {
    object.collection == collection && (namespace == nil || namespace == object.key.namespace)
      && (name == nil || name == object.key.name) && labels.matches(object.labels)
  }
}
