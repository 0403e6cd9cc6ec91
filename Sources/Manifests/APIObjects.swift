/// One page of a list, as an API server answers it.
public struct ObjectList: Sendable, Equatable {
  public var objects: [KubernetesObject]
  /// The version of the whole list, from which a watch goes on.
  public var resourceVersion: String
  /// For the next page (`metadata.continue`); nil: this was the last.
  public var continuation: String?
  /// Objects that mean nothing valid, and are not among the others.
  public var problems: [ManifestError.Problem]
  /// The same problems, by the object that has them.
  public var invalid: [ObjectName: ManifestError]

  public init(
    objects: [KubernetesObject], resourceVersion: String, continuation: String? = nil,
    problems: [ManifestError.Problem] = [], invalid: [ObjectName: ManifestError] = [:]
  ) {
    self.objects = objects
    self.resourceVersion = resourceVersion
    self.continuation = continuation
    self.problems = problems
    self.invalid = invalid
  }
}

/// One line of a watch (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
public enum WatchEvent: Sendable, Equatable {
  /// ADDED or MODIFIED.
  case changed(KubernetesObject, resourceVersion: String)
  /// DELETED.
  case deleted(ObjectName, resourceVersion: String)
  /// An object that has changed, and means nothing valid any more.
  case invalid(ObjectName, ManifestError, resourceVersion: String)
  /// BOOKMARK; of a WatchList (KEP-3157), the one at which all that was there has been sent.
  case bookmark(resourceVersion: String, endsInitialEvents: Bool)
  /// ERROR: the watch is over.
  case failed(APIStatus)
}

/// What an object is known by within its kind. The namespace of a Node is empty.
public struct ObjectName: Hashable, Sendable, CustomStringConvertible {
  public var namespace: String
  public var name: String

  public init(namespace: String, name: String) { (self.namespace, self.name) = (namespace, name) }

  public var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
}

/// Why an API server did not do what it was asked for (`v1` Status).
public struct APIStatus: Error, Sendable, Equatable, CustomStringConvertible {
  /// As of HTTP: 410 for a `resourceVersion` that is too old.
  public var code: Int
  /// One word: `Expired`, `Forbidden`.
  public var reason: String
  public var message: String
  /// `details.retryAfterSeconds`.
  public var retryAfter: Duration?

  public init(code: Int, reason: String = "", message: String = "", retryAfter: Duration? = nil) {
    (self.code, self.reason, self.message, self.retryAfter) = (code, reason, message, retryAfter)
  }

  public var description: String { [String(code), reason, message].filter { !$0.isEmpty }.joined(separator: " ") }
}
