/// What is read of a `v1` Node (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/).
public struct ClusterNode: Sendable, Equatable {
  /// Its namespace is empty.
  public var metadata: ObjectMeta

  public init(metadata: ObjectMeta) { self.metadata = metadata }

  /// Where the node stands (label `topology.kubernetes.io/zone`), if it says so.
  public var zone: String? { metadata.labels["topology.kubernetes.io/zone"] }
}

extension ClusterNode {
  init?(_ object: Cursor) {
    guard let fields = object.fields(known: objectFields),
      let metadata = ObjectMeta(of: fields, at: object, defaultNamespace: "")
    else { return nil }
    self.init(metadata: metadata)
  }
}

// As in Service+Decoding.swift. What `spec` and `status` hold is of no interest.
private let objectFields: Set = ["apiVersion", "kind", "metadata", "spec", "status"]
