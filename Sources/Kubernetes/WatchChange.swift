internal import Manifests

/// What a list-and-watch has learned.
enum WatchChange: Sendable, Equatable {
  /// All objects there are: others are gone. With what is wrong with those that mean nothing valid.
  case replaced([KubernetesObject], problems: [ManifestError.Problem])
  case changed(KubernetesObject)
  case deleted(ObjectName)
  /// An object has come to mean nothing valid. What it meant before stays in force.
  case invalid(ObjectName, ManifestError)
}
