internal import Foundation

/// An object, kept as text that can be put together with any `resourceVersion`.
struct StoredObject: Sendable {
  let collection: Collection
  let key: ObjectKey
  let labels: [String: String]
  let resourceVersion: Int
  /// The JSON of the other metadata, without the outer brace on the left.
  private let metadata: Substring
  /// The JSON of all fields other than metadata, kind and apiVersion, each with a comma before it; and the brace that ends all.
  private let fields: String

  /// - Throws: `MockAPIServerError` where this is no object of a kind that is kept.
  init(json: String, resourceVersion: Int) throws {
    guard var fields = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
      let kind = fields.removeValue(forKey: "kind") as? String,
      let apiVersion = fields.removeValue(forKey: "apiVersion") as? String,
      let collection = Collection(kind: kind, apiVersion: apiVersion),
      var metadata = fields.removeValue(forKey: "metadata") as? [String: Any],
      let name = metadata["name"] as? String
    else { throw MockAPIServerError("no JSON of a v1 Service, v1 Node or discovery.k8s.io/v1 EndpointSlice: \(json)") }
    metadata["resourceVersion"] = nil
    if collection != .nodes, metadata["namespace"] == nil { metadata["namespace"] = "default" }
    self.collection = collection
    key = ObjectKey(namespace: metadata["namespace"] as? String ?? "", name: name)
    labels = metadata["labels"] as? [String: String] ?? [:]
    self.resourceVersion = resourceVersion
    self.metadata = try Self.text(metadata).dropFirst()
    self.fields = fields.isEmpty ? "}" : "," + (try Self.text(fields).dropFirst())
  }

  private static func text(_ fields: [String: Any]) throws -> String {
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try JSONSerialization.data(withJSONObject: fields, options: options), as: UTF8.self)
  }

  /// Its JSON as a list holds it: without kind and version.
  var item: String { json(resourceVersion: resourceVersion, kind: "") }

  var json: String { json(resourceVersion: resourceVersion) }

  func json(resourceVersion: Int) -> String {
    json(resourceVersion: resourceVersion, kind: collection.typeFields + ",")
  }

  private func json(resourceVersion: Int, kind: String) -> String {
    #"{\#(kind)"metadata":{"resourceVersion":"\#(resourceVersion)",\#(metadata)\#(fields)"#
  }
}

extension Collection {
  /// `"kind":"Service","apiVersion":"v1"`
  var typeFields: String { #""kind":"\#(kind)","apiVersion":"\#(apiVersion)""# }
}

/// What an object is known by within its collection.
struct ObjectKey: Hashable, Comparable {
  let namespace: String
  let name: String

  static func < (a: ObjectKey, b: ObjectKey) -> Bool { (a.namespace, a.name) < (b.namespace, b.name) }
}

/// Why an object was not taken.
public struct MockAPIServerError: Error, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
