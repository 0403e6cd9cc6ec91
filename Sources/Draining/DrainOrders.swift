public import Balancing

/// What a tick of the scheduler wants done, and what it has learned.
public struct DrainOrders: Sendable, Equatable {
  /// In this order. Each owes the scheduler one `report`.
  public var placements: [Placement] = []
  /// The ids of connections whose grace is over, to be closed (SOCK_DESTROY). Ordered again until they are gone.
  public var closures: [UInt64] = []
  /// Drains that came to their end, for the statistics.
  public var ended: [EndedDrain] = []

  public init() {}
}

/// A GOAWAY to be placed.
public struct Placement: Sendable, Hashable {
  public var connection: UInt64
  public var endpoint: SocketAddress
  public var reason: DrainReason

  public init(connection: UInt64, endpoint: SocketAddress, reason: DrainReason) {
    (self.connection, self.endpoint, self.reason) = (connection, endpoint, reason)
  }
}

/// What became of an attempt to place a GOAWAY.
public enum PlacementOutcome: Sendable, Equatable {
  /// It was seen on the wire.
  case placed
  /// The guard bounced the frame: the server was inside a frame or a header block. Tried again later.
  case refused
  /// The server's send queue did not run empty. Tried again later.
  case busy
  /// It cannot be placed, now or later.
  case undrainable(UndrainableReason)
  /// The connection has ended.
  case gone
}

/// A connection that ended after its GOAWAY.
public struct EndedDrain: Sendable, Equatable {
  public var connection: UInt64
  public var endpoint: SocketAddress
  public var reason: DrainReason
  /// From the GOAWAY to the first snapshot without the connection: too long by the time between two of them at most.
  public var duration: Duration
  /// It did not end by itself within the grace.
  public var wasClosed: Bool

  public init(connection: UInt64, endpoint: SocketAddress, reason: DrainReason, duration: Duration, wasClosed: Bool) {
    self.connection = connection
    self.endpoint = endpoint
    self.reason = reason
    self.duration = duration
    self.wasClosed = wasClosed
  }
}
