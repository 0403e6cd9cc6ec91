internal import Balancing
public import Datapath
public import Draining
internal import HTTP2
public import Kernel
internal import SystemPackage

/// Places GOAWAYs on servers' own sockets, one at a time. docs/SHIM.md says why that is safe.
public struct Placer: ~Copyable {
  private let judge: Guard
  private let now: @Sendable () -> Duration
  private var owners = Owners()
  /// When all open files of the node were last looked through, and how much processor time that took.
  private var survey: (end: Duration, cost: Duration)?
  private var announced: DrainReason?
  /// GOAWAYs that were sent without the guard having looked at them. Must stay 0.
  public private(set) var unguarded: UInt64 = 0

  /// How long a socket may be in the sockhash before the frame is sent.
  private static let window = Duration.microseconds(200)
  /// How long to wait for a quiet moment of a borrowed socket: rule 9 forbids to hold it for long.
  private static let patience = Duration.microseconds(300)
  /// How many times its cost to wait after looking through all open files of the node: which takes milliseconds, on a large
  /// node tens of them, and is never to take more than a twentieth of a processor. On a busy node, the time that goes by
  /// meanwhile may be many times that, and no GOAWAY could be placed for as long again.
  private static let surveyPause = 20

  /// - Parameter now: the time since boot.
  public init(_ judge: consuming Guard, now: @escaping @Sendable () -> Duration) {
    self.judge = judge
    self.now = now
  }

  /// Looks through all open files of the node, and marks connections that nobody tracks as older than the agent.
  ///
  /// - Parameter connections: what is to be known of which process has accepted connections of which endpoint.
  public mutating func findOwners(of connections: [AcceptedConnection] = []) throws(KernelError) {
    let start = threadProcessorTime()
    owners.replaceAll(by: try judge.owners())
    survey = (now(), threadProcessorTime() - start)
    for connection in connections { owners.learn(connection.id, at: connection.endpoint) }
  }

  /// Carries out the placements in their order.
  public mutating func place(
    _ placements: [Placement]
  ) throws(KernelError) -> [(placement: Placement, outcome: PlacementOutcome)] {
    var search = Search()
    return try placements.map { placement throws(KernelError) in (placement, try place(placement, &search)) }
  }

  /// Ends connections at once, which fails the streams that are still open on them. One that cannot be ended now, as while
  /// a thread waits in a call on the socket (EBUSY, Linux 6.4 to 6.6), is left as it is: its closure will be ordered again.
  public mutating func close(_ connections: [UInt64]) throws(KernelError) {
    if connections.contains(where: { owners.owner(of: $0) == nil }) && maySurvey { try findOwners() }
    for connection in connections {
      guard let owner = owners.owner(of: connection),
        let socket = try? BorrowedSocket(process: owner.process, descriptor: owner.descriptor),
        socket.cookie() == connection
      else { continue }
      try? socket.abort()
    }
  }

  /// What was looked through for the placements of one call.
  private struct Search {
    var endpoints: Set<SocketAddress> = []
    var isComplete = false
  }

  private var maySurvey: Bool { survey.map { now() - $0.end >= $0.cost * Self.surveyPause } ?? true }

  /// Where the socket is not where it was, or was never seen, it most likely is in a process that has others of its
  /// endpoint; else it may be anywhere: in a new process, or passed on to another.
  private mutating func place(_ placement: Placement, _ search: inout Search) throws(KernelError) -> PlacementOutcome {
    var outcome = try place(placement)
    if outcome == .gone && search.endpoints.insert(placement.endpoint).inserted {
      for process in owners.processes(of: placement.endpoint) {
        owners.replace(process, by: try judge.owners(in: process))
      }
      outcome = try place(placement)
    }
    if outcome == .gone && !search.isComplete {
      guard maySurvey else { return .busy }
      try findOwners()
      search.isComplete = true
      outcome = try place(placement)
    }
    return outcome
  }

  private mutating func place(_ placement: Placement) throws(KernelError) -> PlacementOutcome {
    guard let owner = owners.owner(of: placement.connection, at: placement.endpoint) else { return .gone }
    if announced != placement.reason {
      try judge.announce(placement.reason)
      announced = placement.reason
    }
    let socket: BorrowedSocket
    do {
      socket = try BorrowedSocket(process: owner.process, descriptor: owner.descriptor)
    } catch {
      return error.errno == .notPermitted ? .undrainable(.notBorrowable) : .gone
    }
    guard socket.cookie() == placement.connection, socket.isEstablished() else { return .gone }
    guard waitUntilQuiet(socket) else { return .busy }
    return try place(Goaway.frame(debugData: placement.reason.rawValue), on: socket)
  }

  private func waitUntilQuiet(_ socket: borrowing BorrowedSocket) -> Bool {
    let deadline = now() + Self.patience
    repeat {
      if socket.isQuiet() { return true }
    } while now() < deadline
    return false
  }

  /// In, send, out. Nothing but what has to be there stands between `take` and `giveBack`.
  private mutating func place(
    _ frame: [UInt8], on socket: borrowing BorrowedSocket
  ) throws(KernelError) -> PlacementOutcome {
    guard let before = try judge.report(on: socket) else { return .gone }
    let start = now()
    do {
      try judge.take(socket)
    } catch {
      // EBUSY: it has just been in a sockhash, by us or others. EOPNOTSUPP: it is closing.
      return error.errno == .resourceBusy ? .busy : .gone
    }
    var sent: Result<Int, Errno>?
    if socket.isQuiet() && now() - start < Self.window {
      sent = Result { () throws(Errno) in try socket.send(frame) }
    }
    try judge.giveBack()
    guard let sent else { return .busy }
    return try conclude(sent, of: frame, before: before, judge.report(on: socket))
  }

  private mutating func conclude(
    _ sent: Result<Int, Errno>, of frame: [UInt8], before: Guard.Report, _ after: Guard.Report?
  ) throws(KernelError) -> PlacementOutcome {
    let bounced = judge.emptySink()
    guard case .success(let count) = sent else { return sent == .failure(.wouldBlock) ? .busy : .gone }
    guard let after, after.frames != before.frames else {
      if bounced == 0 && count > 0 { unguarded += 1 }
      return .undrainable(.unconfirmed)
    }
    if after.verdict == .placed { return after.isPlaced ? .placed : .undrainable(.unconfirmed) }
    return switch after.verdict {
    case .goawaySent: .gone
    case .notInSync: .undrainable(.outOfSync)
    default: .refused
    }
  }
}
