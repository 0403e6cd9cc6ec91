internal import CBPF
public import Draining
public import Kernel

/// The kernel side of placing a GOAWAY: the sockhash in which a borrowed socket is for a moment, the guard that judges the
/// agent's frame there, and the sink that swallows what the guard bounces.
public struct Guard: ~Copyable, Sendable {
  private let borrowed: BPFMap<UInt32, UInt64>
  private let placement: BPFMap<UInt32, placement>
  private let connections: BPFMap<Int32, connection>
  private let ownersProgram: BPFProgram
  private let ownerIterator: BPFIterator<owner_record>
  private let sink: SocketPair
  private let process: UInt32

  /// What the guard has said of the frames that the agent sent on one socket.
  public struct Report: Sendable, Equatable {
    /// How many it has looked at.
    public let frames: UInt32
    public let verdict: Verdict
    /// A GOAWAY of the agent's has left.
    public let isPlaced: Bool
  }

  /// What the guard said of a frame: `enum verdict` in abi.h.
  public enum Verdict: UInt8, Sendable {
    case none, placed, unsent, notAtBoundary, headerBlock, notInSync, goawaySent, notServed, unknown
  }

  /// Where a socket is open.
  public struct Owner: Sendable, Hashable {
    public let process: Int32
    public let descriptor: Int32

    public init(process: Int32, descriptor: Int32) {
      (self.process, self.descriptor) = (process, descriptor)
    }
  }

  init(_ object: borrowing BPFObject) throws(KernelError) {
    let sink = try LoopbackListener().connect()
    let sinkMap: BPFMap<UInt32, UInt64> = try object.map("sink")
    let borrowed: BPFMap<UInt32, UInt64> = try object.map("borrowed")
    let judge = try object.program("guard")
    try judge.attach(toSocketsIn: borrowed)
    try judge.attach(toSocketsIn: sinkMap)
    try sinkMap.set(0, to: sink)
    let process = try object.program("whoami").run()
    let placement: BPFMap<UInt32, placement> = try object.map("placement")
    let connections: BPFMap<Int32, connection> = try object.map("connections")
    let ownersProgram = try object.program("owners")
    let ownerIterator: BPFIterator<owner_record> = try BPFIterator(ownersProgram)
    self.borrowed = borrowed
    self.placement = placement
    self.connections = connections
    self.ownersProgram = ownersProgram
    self.ownerIterator = ownerIterator
    self.sink = sink
    self.process = process
  }

  /// Where each tracked socket of the node is open, by its cookie.
  ///
  /// On its way through all open files it marks connections of local endpoints that nobody tracks as older than the
  /// agent.
  public func owners() throws(KernelError) -> [UInt64: Owner] { try ownerIterator.owners() }

  /// The same, of one process only.
  public func owners(in process: Int32) throws(KernelError) -> [UInt64: Owner] {
    let iterator: BPFIterator<owner_record> = try BPFIterator(ownersProgram, overFilesOf: process)
    return try iterator.owners().filter { $0.value.process == process }
  }

  /// Tells the guard why the next frames are placed, and by whom.
  public func announce(_ reason: DrainReason) throws(KernelError) {
    try placement.set(0, to: CBPF.placement(process: process, reason: reason.code))
  }

  /// From here on, every message on the socket passes the guard, until `giveBack`.
  public func take(_ socket: borrowing BorrowedSocket) throws(KernelError) { try borrowed.set(0, to: socket) }

  public func giveBack() throws(KernelError) { try borrowed.remove(0) }

  /// Nil where the socket is not tracked.
  public func report(on socket: borrowing BorrowedSocket) throws(KernelError) -> Report? {
    try connections.value(for: socket).map { connection in
      Report(
        frames: connection.guarded, verdict: Verdict(rawValue: connection.verdict) ?? .unknown,
        isPlaced: connection.isDraining)
    }
  }

  /// Throws away what was bounced. Returns how many bytes that were.
  public func emptySink() -> Int { sink.drain() }
}

extension BPFIterator<owner_record> {
  /// Where each socket is open, by its cookie; of several descriptors the first.
  func owners() throws(KernelError) -> [UInt64: Guard.Owner] {
    Dictionary(
      try records().map { record in
        let (process, descriptor) = (Int32(bitPattern: record.process), Int32(bitPattern: record.descriptor))
        return (record.cookie, Guard.Owner(process: process, descriptor: descriptor))
      }, uniquingKeysWith: { first, _ in first })
  }
}
