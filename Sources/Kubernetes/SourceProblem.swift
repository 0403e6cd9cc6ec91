/// Something that keeps objects from being known as they are now. What was known before is in force.
public struct SourceProblem: Error, Sendable, Equatable {
  /// What it is about: `services`, `EndpointSlice shop/cart-x7f2`.
  public var subject: String
  /// What was tried, why it failed, and what to do.
  public var message: String
  /// When it began, on the source's clock.
  public var since: Duration

  public init(subject: String, message: String, since: Duration) {
    (self.subject, self.message, self.since) = (subject, message, since)
  }
}
