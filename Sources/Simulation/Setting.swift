public import Balancing
internal import CBPF
public import Draining

/// How the agents of all nodes are set.
public struct Setting: Sendable, Equatable {
  /// How it is called in the table and in the picture.
  public var name: String
  public var policy: Policy
  /// How many endpoints least-connections looks at.
  public var candidates: Int
  /// Nil: there is no agent, so that nothing is drained.
  public var drain: DrainSettings?

  public init(
    _ name: String, policy: Policy = .leastConnections, candidates: Int = Setting.builtInCandidates,
    drain: DrainSettings? = DrainSettings()
  ) {
    self.name = name
    self.policy = policy
    self.candidates = candidates
    self.drain = drain
  }

  /// What the kernel side is compiled with.
  public static var builtInCandidates: Int { LEAST_CONNECTIONS_CANDIDATES }
}

/// Settings that differ in one thing.
public struct Comparison: Sendable {
  public var title: String
  public var settings: [Setting]

  public init(_ title: String, _ settings: [Setting]) { (self.title, self.settings) = (title, settings) }
}
