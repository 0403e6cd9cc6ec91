public import Balancing

/// A connection that a pod of this node accepted, as it was when a snapshot was taken.
public struct AcceptedConnection: Sendable, Equatable {
  /// The socket's cookie (SO_COOKIE): unique until the machine reboots.
  public var id: UInt64
  /// The pod's own address and port.
  public var endpoint: SocketAddress
  /// When it was established, since boot.
  public var established: Duration
  /// How many responses have ended on it. At least one proves that it is HTTP/2 and has served.
  public var responses: UInt64
  public var condition: Condition

  public init(
    id: UInt64, endpoint: SocketAddress, established: Duration, responses: UInt64, condition: Condition = .open
  ) {
    self.id = id
    self.endpoint = endpoint
    self.established = established
    self.responses = responses
    self.condition = condition
  }

  /// What has been seen on the wire.
  public enum Condition: Sendable, Equatable {
    /// No GOAWAY yet, and nothing that speaks against one.
    case open
    /// The agent's GOAWAY left at this time since boot, for this reason.
    case draining(since: Duration, reason: DrainReason)
    /// The server has sent a GOAWAY of its own.
    case closing
    case undrainable(UndrainableReason)
  }
}
