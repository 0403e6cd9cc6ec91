/// Bounds on what a text may ask of who reads it.
public enum Limits {
  /// Lists and mappings in each other. Kubernetes' own objects stay below 30, and the composer calls itself.
  public static let depth = 200
  /// Values that all aliases of a text stand for: a few lines of aliases of aliases can mean billions. Whole clusters'
  /// manifests have some thousands.
  public static let aliasedNodes = 100_000
}
