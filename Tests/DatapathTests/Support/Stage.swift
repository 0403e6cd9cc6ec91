import Balancing
import Datapath
import Draining
import Kernel
import Shim
import Testing

/// A pod of this node, a connection that it has accepted, and all that is needed to place a GOAWAY there. Both ends of the
/// connection are the test's.
struct Stage: ~Copyable {
  var datapath: Datapath
  var placer: Placer
  let pods: Pods
  let client: TCPSocket
  let server: TCPSocket

  init(on cgroup: borrowing Cgroup, at address: SocketAddress = .pod(11)) throws {
    var datapath = try Datapath(on: cgroup)
    try datapath.track(address)
    let pods = try Pods([address])
    let client = try TCPSocket.connected(to: address)
    try self.init(datapath: datapath, pods: pods, client: client, server: pods.accept().socket)
  }

  /// A stage for a connection that is there already.
  init(datapath: consuming Datapath, pods: Pods, client: TCPSocket, server: TCPSocket) throws {
    placer = Placer(try datapath.makeGuard(), now: { timeSinceBoot() })
    self.datapath = datapath
    (self.pods, self.client, self.server) = (pods, client, server)
  }

  /// The server sends this, and the client receives it and nothing else.
  func say(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws {
    try server.send(bytes)
    try expect(bytes, sourceLocation: sourceLocation)
  }

  /// The client receives this and nothing else.
  func expect(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws {
    let received = try client.receive(bytes.count)
    #expect(received == bytes, sourceLocation: sourceLocation)
    #expect(!client.isReadable(), "nothing comes after it", sourceLocation: sourceLocation)
  }

  mutating func place(_ reason: DrainReason = .manual) throws -> PlacementOutcome {
    try placer.place(on: server.cookie(), reason)
  }

  /// What is known of the connection.
  func connection() throws -> TrackedConnection {
    let cookie = try server.cookie()
    return try #require(try datapath.connections().first { $0.accepted.id == cookie })
  }

  func counters() throws -> IncomingCounters { try datapath.incomingCounters()(pods.addresses[0]) }
}

extension Placer {
  /// Tries to place a GOAWAY until the socket is not busy, as long as that may be for good reasons.
  mutating func place(
    on connection: UInt64, at endpoint: SocketAddress = .pod(11), _ reason: DrainReason = .manual
  ) throws -> PlacementOutcome {
    let placement = Placement(connection: connection, endpoint: endpoint, reason: reason)
    var outcome = PlacementOutcome.busy
    _ = try eventually {
      outcome = try #require(try place([placement]).first).outcome
      return outcome != .busy
    }
    return outcome
  }
}
