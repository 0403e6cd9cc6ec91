/// What is read of a Kubernetes object's metadata, and where the object stands.
public struct ObjectMeta: Sendable, Equatable {
  public var namespace: String
  public var name: String
  public var labels: [String: String]
  public var annotations: [String: String]
  public var location: Location

  public init(
    namespace: String = "default", name: String, labels: [String: String] = [:], annotations: [String: String] = [:],
    location: Location
  ) {
    self.namespace = namespace
    self.name = name
    self.labels = labels
    self.annotations = annotations
    self.location = location
  }

  public var objectName: ObjectName { ObjectName(namespace: namespace, name: name) }
}

extension ObjectMeta {
  /// Reads `metadata` of an object. Other fields than these are not checked: there are many, and nothing depends on them.
  init?(of object: Fields, at cursor: Cursor, defaultNamespace: String = "default") {
    guard let metadata = object.required("metadata")?.fields(), let name = metadata.required("name")?.nonEmptyText()
    else { return nil }
    self.init(
      namespace: metadata["namespace"]?.nonEmptyText() ?? defaultNamespace,
      name: name,
      labels: metadata["labels"]?.dictionary() ?? [:],
      annotations: metadata["annotations"]?.dictionary() ?? [:],
      location: cursor.location)
  }
}

/// The protocol of a port of a Service or EndpointSlice; TCP unless told otherwise.
public enum PortProtocol: String, Sendable, CaseIterable {
  case tcp = "TCP"
  case udp = "UDP"
  case sctp = "SCTP"
}
