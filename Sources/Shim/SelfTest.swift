internal import Balancing
internal import Datapath
internal import Draining
internal import HTTP2
internal import Kernel
internal import Subprocess
internal import SystemPackage

/// Proves on this very machine that GOAWAYs can be placed: with programs, maps and a cgroup of its own, on the sockets of
/// a process of its own, which are borrowed as any server's would be. It touches nothing of anybody else's.
public enum SelfTest {
  /// What did not go as it must.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// How the names of its cgroups begin.
  private static let prefix = "evenkeel-self-test-"

  /// - Parameters:
  ///   - cgroup: a cgroup v2 directory, below which a cgroup is made for the moment; where it is mounted read-only, the
  ///     agent's own serves.
  ///   - server: the command that runs `SelfTestServer`, by its path.
  /// - Throws: `KernelError` where the kernel refuses something, `Failure` where it does something else.
  ///
  /// The kernel verifies all programs anew for it, which takes some 100 ms: an agent goes on meanwhile.
  @concurrent
  public static func run(below cgroup: String, server: [String]) async throws {
    if try FileSystem.isReadOnly(cgroup) {
      // A container that must not change the node's cgroups: its server is in the container's own, as all of its processes.
      return try await run(in: try Cgroup.own(), server) { _ in }
    }
    try TemporaryCgroup.removeAbandoned(below: cgroup, prefix: prefix)
    let made = try TemporaryCgroup(below: cgroup, name: "\(prefix)\(UInt32.random(in: .min ... .max))")
    try await run(in: made.cgroup, server) { process in try made.add(process: process) }
  }

  /// - Parameter enter: puts the server's process into the cgroup.
  private static func run(
    in cgroup: borrowing Cgroup, _ server: [String], enter: (Int32) throws -> Void
  ) async throws {
    let limits = DatapathLimits(services: 1, endpoints: 1, localEndpoints: 1, connectionsPerRead: 64)
    var datapath = try Datapath(pins: nil, limits: limits, at: timeSinceBoot())
    try datapath.activate(on: cgroup)
    var placer = Placer(try datapath.makeGuard(), now: { timeSinceBoot() })
    _ = try await Subprocess.run(
      .path(FilePath(server[0])), arguments: Arguments(Array(server.dropFirst())), input: .inputWriter,
      output: .sequence,
      error: .discarded
    ) { execution in
      try enter(execution.processIdentifier.value)
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let writer = execution.standardInputWriter
      func ask(_ order: String) async throws -> String {
        _ = try await writer.write(order + "\n")
        guard let answer = try await lines.next() else { throw Failure(description: "its server ended at: \(order)") }
        return answer
      }
      let address = SocketAddress("127.0.0.1:\(try await ask("listen"))")
      for failure in datapath.setLocalEndpoints(Set([address].compactMap { $0 }), at: timeSinceBoot()) { throw failure }
      try await placeBetweenFrames(ask, &datapath, &placer)
      try await refuseInsideFrame(ask, &datapath, &placer)
      try await writer.finish()
    }
    if placer.unguarded > 0 { throw Failure(description: "a frame was sent that the guard had not looked at") }
  }

  private typealias Ask = (String) async throws -> String

  /// What a server sends first, its SETTINGS and the acknowledgement of the client's; and a response: HEADERS of stream 1 with END_STREAM and END_HEADERS, `:status: 200`.
  private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0] + [0, 0, 0, 4, 1, 0, 0, 0, 0]
  private static let response: [UInt8] = [0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88]
  private static let ping: [UInt8] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
  /// A DATA frame of ten bytes for stream 1, of which four are sent first.
  private static let dataBegin: [UInt8] = [0, 0, 10, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4]
  private static let dataEnd: [UInt8] = [5, 6, 7, 8, 9, 10]

  private static func placeBetweenFrames(_ ask: Ask, _ datapath: inout Datapath, _ placer: inout Placer) async throws {
    let connection = try await open(ask, &datapath)
    try expect(.placed, "between frames", of: try place(on: connection, &placer))
    try await send(ping, ask)
    try await expect(goaway + ping, ask)
    _ = try await ask("close")
  }

  private static func refuseInsideFrame(_ ask: Ask, _ datapath: inout Datapath, _ placer: inout Placer) async throws {
    let connection = try await open(ask, &datapath)
    try await send(dataBegin, ask)
    try await expect(dataBegin, ask)
    try expect(.refused, "inside a frame", of: try place(on: connection, &placer))
    try await send(dataEnd, ask)
    try await expect(dataEnd, ask)
    try expect(.placed, "behind that frame", of: try place(on: connection, &placer))
    try await expect(goaway, ask)
    _ = try await ask("close")
  }

  private static let goaway = Goaway.frame(debugData: DrainReason.manual.rawValue)

  /// A connection on which one response has ended.
  private static func open(_ ask: Ask, _ datapath: inout Datapath) async throws -> AcceptedConnection {
    _ = try await ask("connect")
    try await send(settings + response, ask)
    try await expect(settings + response, ask)
    let ready = try datapath.connections().filter { $0.accepted.condition == .open && $0.accepted.responses == 1 }
    guard let connection = ready.last else {
      throw Failure(description: "the frames of a connection were not followed: are cgroup_skb programs run here?")
    }
    return connection.accepted
  }

  private static func place(on connection: AcceptedConnection, _ placer: inout Placer) throws -> PlacementOutcome {
    let placement = Placement(connection: connection.id, endpoint: connection.endpoint, reason: .manual)
    // An acknowledgement may be on its way still: then the socket is busy, for a moment.
    for _ in 0..<1000 {
      let outcome = try placer.place([placement])[0].outcome
      if outcome != .busy { return outcome }
    }
    return .busy
  }

  private static func send(_ bytes: [UInt8], _ ask: Ask) async throws {
    _ = try await ask("send \(Hexadecimal.text(bytes))")
  }

  private static func expect(_ expected: PlacementOutcome, _ place: String, of outcome: PlacementOutcome) throws {
    guard outcome == expected else {
      throw Failure(description: "a GOAWAY \(place) should be \(expected), and was: \(outcome)")
    }
  }

  private static func expect(_ expected: [UInt8], _ ask: Ask) async throws {
    let received = try await ask("receive \(expected.count)")
    guard received == Hexadecimal.text(expected) else {
      throw Failure(description: "the client should have received \(Hexadecimal.text(expected)), and got \(received)")
    }
  }
}
