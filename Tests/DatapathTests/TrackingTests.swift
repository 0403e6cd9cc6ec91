import Balancing
import Datapath
import Draining
import Glibc
import Kernel
import Testing

@Suite("Connections that pods accept", .serialized, .timeLimit(.minutes(1)))
struct TrackingTests {
  @Test("connections, their peers and the responses that end on them are counted")
  func responses() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        let before = timeSinceBoot()
        let stage = try Stage(on: cgroup)
        let second = try TCPSocket.connected(to: .pod(11))
        try stage.say(Frame.greeting + Frame.headers(stream: 1) + Frame.data([1, 2, 3], stream: 1, endStream: false))
        #expect(try stage.counters().responses == 0, "none has ended")
        try stage.say(Frame.data([4], stream: 1) + Frame.ping + Frame.response(stream: 3) + Frame.response(stream: 5))
        let counters = try stage.counters()
        #expect(counters.accepted == 2 && counters.responses == 3 && counters.opaque == 0 && counters.lost == 0)
        let connection = try stage.connection()
        #expect(connection.accepted.endpoint == .pod(11))
        #expect(connection.accepted.responses == 3)
        #expect(connection.accepted.condition == .open)
        #expect(connection.speaks == .http2)
        #expect(try connection.peer == stage.client.local())
        #expect((before...timeSinceBoot()).contains(connection.accepted.established))
        #expect(try stage.datapath.connections().count == 2)
        second.close()
        #expect(try eventually { try stage.datapath.connections().count == 1 }, "only what is established is told of")
      }
    }
  }

  @Test("frames are followed wherever they begin in a packet, and however many it holds")
  func manyFrames() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup)
        try stage.say(Frame.greeting + Frame.headers())
        // Each distance between two frame headers up to twice READ_AHEAD_BYTES, those about NEAR_BYTES and SCRATCH_BYTES,
        // and a body that fills packets.
        func frames(_ lengths: ClosedRange<Int>) -> [UInt8] {
          lengths.flatMap { Frame.data(Array(repeating: 7, count: $0), endStream: false) }
        }
        let bodies = frames(0...150)
        try stage.say(bodies + frames(1005...1030) + Frame.data([], endStream: false) + frames(2030...2050))
        try stage.say(Frame.data(Array(repeating: 0, count: 16_384)))
        for count in 1...9 {
          // Cut so that a header is split at each of its bytes.
          let frame = Frame.data(bodies, stream: 3)
          try stage.say((count == 1 ? Frame.headers(stream: 3) : []) + frame.prefix(count))
          try stage.say(Array(frame.dropFirst(count)))
        }
        let counters = try stage.counters()
        #expect(counters.responses == 10 && counters.lost == 0 && counters.opaque == 0)
        #expect(try stage.place() == .placed)
      }
    }
  }

  @Test("HTTP/1 and TLS are opaque, and left alone")
  func opaque() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        let tls: [UInt8] = [0x16, 3, 3, 0, 10, 2, 0, 0, 6, 3, 3, 1, 2, 3, 4]
        for (number, bytes) in [Array("HTTP/1.1 200 OK\r\n\r\n".utf8), tls].enumerated() {
          var stage = try Stage(on: cgroup, at: .pod(11 + number))
          try stage.say(bytes)
          #expect(try stage.connection().accepted.condition == .undrainable(.opaque))
          #expect(try stage.connection().speaks == .opaque)
          #expect(try stage.counters().opaque == 1)
          #expect(try stage.place() == .undrainable(.outOfSync))
          try stage.say(bytes)
        }
      }
    }
  }

  @Test("a connection whose server has sent a GOAWAY of its own is closing, and gets no other")
  func ownGoaway() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup)
        try stage.say(Frame.greeting + Frame.response() + Frame.goaway)
        #expect(try stage.connection().accepted.condition == .closing)
        #expect(try stage.place() == .gone)
        try stage.say(Frame.ping)
        #expect(try stage.counters().goaways.values.allSatisfy { $0 == 0 }, "none of ours")
      }
    }
  }

  @Test("a connection from before its pod was known here is older than the agent, and left alone")
  func older() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        for (number, family) in [(11, IPAddress.Family.ipv4), (12, .ipv6)] {
          let address = SocketAddress.pod(number, family)
          var datapath = try Datapath(on: cgroup)
          let pods = try Pods([address])
          let client = try TCPSocket.connected(to: address)
          let server = try pods.accept().socket
          try datapath.track(address)
          #expect(try datapath.connections().isEmpty)
          var stage = try Stage(datapath: datapath, pods: pods, client: client, server: server)
          #expect(try stage.place() == .undrainable(.outOfSync))
          let connection = try stage.connection()
          #expect(connection.accepted.condition == .undrainable(.olderThanAgent))
          #expect(connection.accepted.endpoint == address)
          #expect(try connection.peer == client.local())
          #expect(connection.speaks == .unknown)
          try stage.say(Frame.greeting + Frame.response())
          #expect(try stage.connection().accepted.condition == .undrainable(.olderThanAgent))
          #expect(try stage.counters().accepted == 0)
        }
      }
    }
  }

  @Test("a server that listens on all addresses of both families is known by the address that was asked for")
  func dualStack() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        try datapath.track(.pod(11), .pod(11, .ipv6))
        let all = SocketAddress(ip: IPAddress(high: 0, low: 0), port: SocketAddress.pod(11).port)
        let listener = try TCPSocket.listening(at: all)
        for address in [SocketAddress.pod(11), .pod(11, .ipv6)] {
          let client = try TCPSocket.connected(to: address)
          let server = try listener.accept()
          try server.send(Frame.greeting)
          let connection = try #require(try datapath.connections().first { $0.accepted.endpoint == address })
          #expect(try connection.accepted.id == server.cookie())
          #expect(try connection.peer == client.local())
          #expect(connection.speaks == .http2)
        }
      }
    }
  }

  @Test("each of more connections than are read at once is told of once, with what belongs to it")
  func crowd() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        let pods = try Pods(11...12)
        try datapath.track(.pod(11), .pod(12))
        var clients: [TCPSocket] = []
        var opened: [UInt64: Opened] = [:]
        for number in 1...5000 {
          let before = timeSinceBoot()
          clients.append(try TCPSocket.connected(to: .pod(11 + number % 2)))
          let (pod, server) = try pods.accept()
          let established = before...timeSinceBoot()
          opened[try server.cookie()] = Opened(at: pod, from: try clients[number - 1].local(), within: established)
          // What fills a read to the last, or goes just beyond it, is as whole as what ends in the middle of one.
          if [1, 4095, 4096, 4097, 5000].contains(number) {
            try expect(datapath.connections(), toBe: opened)
          }
        }
        // The next snapshot has nothing of the last.
        for client in clients.dropFirst(4) { client.close() }
        #expect(try eventually { try datapath.connections().count == 4 })
        let left = Set(try clients.prefix(4).map { try $0.local() })
        try expect(datapath.connections(), toBe: opened.filter { left.contains($0.value.peer) })
      }
    }
  }

  @Test("a pod that leaves this node's has no new connections tracked, and its old ones still are")
  func podLeaves() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup)
        try stage.datapath.track()
        let second = try TCPSocket.connected(to: .pod(11))
        let accepted = try stage.pods.accept().socket
        try accepted.send(Frame.greeting)
        #expect(try second.receive(Frame.greeting.count) == Frame.greeting)
        try stage.say(Frame.greeting + Frame.response())
        #expect(try stage.datapath.connections().map(\.accepted.id) == [stage.server.cookie()])
        #expect(try stage.place() == .placed)
      }
    }
  }
}

/// What is known of a connection to the one who opened it.
private struct Opened {
  let endpoint: SocketAddress
  let peer: SocketAddress
  let established: ClosedRange<Duration>

  init(at endpoint: SocketAddress, from peer: SocketAddress, within established: ClosedRange<Duration>) {
    (self.endpoint, self.peer, self.established) = (endpoint, peer, established)
  }
}

/// The connections, by their cookies, are those that were opened: each once, and no others.
private func expect(_ connections: [TrackedConnection], toBe opened: [UInt64: Opened]) throws {
  #expect(connections.count == opened.count)
  #expect(Set(connections.map(\.accepted.id)) == Set(opened.keys))
  let strange = connections.filter { connection in
    guard let known = opened[connection.accepted.id] else { return true }
    return connection.peer != known.peer || connection.accepted.endpoint != known.endpoint
      || !known.established.contains(connection.accepted.established)
  }
  #expect(strange.isEmpty, "\(strange.prefix(3))")
}
