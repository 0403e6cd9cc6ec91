import Balancing

/// The drain of one connection, from the first request or attempt to its end, as a state machine: a function an input.
///
/// Connections to which nothing has happened yet have none.
struct ConnectionDrain: Sendable {
  let endpoint: SocketAddress
  private(set) var state: State
  /// The number of the last snapshot that held the connection.
  var lastSnapshot: UInt64

  init(endpoint: SocketAddress, snapshot: UInt64) {
    (self.endpoint, state, lastSnapshot) = (endpoint, .waiting(Wait()), snapshot)
  }

  enum State: Sendable, Equatable {
    case waiting(Wait)
    /// Handed out; the outcome is owed.
    case placing(DrainReason, Wait)
    case draining(Drain)
    case undrainable(UndrainableReason)
    /// Reported as gone; a snapshot or two may still hold it.
    case gone
  }

  struct Wait: Sendable, Equatable {
    /// Why and from when on it is drained whatever its age; nil: for nothing but its age, or because its pod is going
    /// away.
    var requested: Wish?
    /// It was refused; the next attempt is not before this time.
    var notBefore = Duration.zero
    var refusals = 0
  }

  struct Wish: Sendable, Equatable {
    var reason: DrainReason
    var due: Duration
  }

  struct Drain: Sendable, Equatable {
    var since: Duration
    var reason: DrainReason
    /// When its closure was last ordered.
    var closureOrdered: Duration?
  }

  var isPlacing: Bool {
    if case .placing = state { true } else { false }
  }

  /// Nobody has asked for its drain, and nothing was attempted.
  var isUntouched: Bool { state == .waiting(Wait()) }

  /// The connection is to be drained for this reason, from then on. True if it now waits for its GOAWAY.
  mutating func request(_ reason: DrainReason, due: Duration) -> Bool {
    func requested(_ wait: Wait) -> Wait {
      var wait = wait
      let before = wait.requested ?? Wish(reason: reason, due: due)
      wait.requested = Wish(reason: min(before.reason, reason), due: min(before.due, due))
      return wait
    }
    switch state {
    case .waiting(let wait): state = .waiting(requested(wait))
    case .placing(let current, let wait): state = .placing(current, requested(wait))
    case .draining, .undrainable, .gone: return false
    }
    return true
  }

  /// When it is to be drained for this reason, if it was asked for, and nothing has been tried yet.
  func pending(_ reason: DrainReason) -> Duration? {
    guard case .waiting(let wait) = state, let wish = wait.requested, wish.reason == reason, wait.refusals == 0 else {
      return nil
    }
    return wish.due
  }

  /// Takes such a request back, as if it had not been made.
  mutating func withdraw(_ reason: DrainReason) {
    if pending(reason) != nil { state = .waiting(Wait()) }
  }

  /// It is handed out. False if that is not allowed now: it was before, or must not be again.
  mutating func begin(_ reason: DrainReason) -> Bool {
    guard case .waiting(let wait) = state else { return false }
    state = .placing(reason, wait)
    return true
  }

  /// The outcome of the attempt. Nil if none is owed; otherwise what it means for the others.
  mutating func end(_ outcome: PlacementOutcome, at now: Duration) -> Settled? {
    guard case .placing(let reason, var wait) = state else { return nil }
    switch outcome {
    case .placed:
      state = .draining(Drain(since: now, reason: reason))
      return .placed
    case .refused, .busy:
      wait.refusals += 1
      wait.notBefore = now + Limits.backOff(after: wait.refusals)
      state = .waiting(wait)
      return .retry(wait.notBefore)
    case .undrainable(let reason):
      state = .undrainable(reason)
      // Its frame may have left: as far as the pace goes, it has.
      return reason == .unconfirmed ? .placed : .over
    case .gone:
      state = .gone
      return .over
    }
  }

  enum Settled: Equatable {
    /// A frame has left.
    case placed
    /// None has, and the next attempt is due then.
    case retry(Duration)
    /// None has, and none will.
    case over
  }

  /// A snapshot says that the agent's GOAWAY has left.
  mutating func see(goawayAt time: Duration, _ reason: DrainReason) -> Sighting {
    let before = state
    if case .draining = before { return .known }
    state = .draining(Drain(since: time, reason: reason))
    if case .placing = before { return .placed }
    return .adopted
  }

  enum Sighting: Equatable {
    case known
    /// By the attempt whose outcome was owed, and no longer is.
    case placed
    /// By an agent before this one, or an attempt that was given up.
    case adopted
  }

  /// Whether the connection is to be closed now, its grace being over. Said again from time to time until it is gone.
  mutating func isOverdue(after grace: Duration, at now: Duration) -> Bool {
    guard case .draining(var drain) = state, let due = closureDue(after: grace), due <= now else { return false }
    drain.closureOrdered = now
    state = .draining(drain)
    return true
  }

  /// When that is; nil: never.
  func closureDue(after grace: Duration) -> Duration? {
    guard case .draining(let drain) = state, grace > .zero else { return nil }
    return drain.closureOrdered.map { $0 + Limits.closureRetry } ?? drain.since + grace
  }

  /// What the statistics are told when the connection is there no more; nil if it had no GOAWAY.
  func ended(_ connection: UInt64, at now: Duration) -> EndedDrain? {
    guard case .draining(let drain) = state else { return nil }
    return EndedDrain(
      connection: connection, endpoint: endpoint, reason: drain.reason, duration: now - drain.since,
      wasClosed: drain.closureOrdered != nil)
  }
}
