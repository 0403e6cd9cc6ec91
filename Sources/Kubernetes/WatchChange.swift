internal import Manifests

/// What a list-and-watch has learned.
enum WatchChange: Sendable, Equatable {
  /// These are now so: the one of an event, or those of a page.
  case changed([KubernetesObject])
  case deleted(ObjectName)
  /// An object means nothing valid. What it meant before, if anything, stays in force.
  case invalid(ObjectName, ManifestError)
  /// All that there is has been told, whether it is new or not: other objects than these are gone.
  case complete(Set<ObjectName>)
}
