import Balancing
import Datapath
import Draining
import Glibc
import HTTP2
import Kernel
import Shim
import Synchronization
import Testing

@Suite("Servers whose sockets are borrowed", .serialized, .timeLimit(.minutes(1)))
struct BorrowTests {
  @Test("the server's own message passes while its socket is in the sockhash")
  func ownMessage() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        let node = try ServingNode(on: cgroup)
        try node.say(Frame.greeting + Frame.response())
        let judge = try node.datapath.makeGuard()
        try judge.announce(.manual)
        let owner = try #require(try judge.owners()[node.cookie])
        let socket = try BorrowedSocket(process: owner.process, descriptor: owner.descriptor)
        for _ in 1...10 {
          try judge.take(socket)
          try node.say(Frame.ping)
          try judge.giveBack()
        }
        let report = try #require(try judge.report(on: socket))
        #expect(report.frames == 0 && report.verdict == .none && !report.isPlaced)
      }
    }
  }

  @Test("after a frame of the agent's was bounced, the server's next message passes")
  func messageAfterRefusal() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        let node = try ServingNode(on: cgroup)
        var placer = Placer(try node.datapath.makeGuard(), now: { timeSinceBoot() })
        try node.say(Frame.greeting)
        for _ in 1...20 {
          #expect(try placer.place(on: node.cookie) == .refused)
          try node.say(Frame.ping)
        }
      }
    }
  }

  @Test("while a bounced frame's socket is in the sockhash still, the server's next message passes: never SK_DROP")
  func messageBesideRefusal() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        let node = try ServingNode(on: cgroup)
        let judge = try node.datapath.makeGuard()
        try judge.announce(.manual)
        try node.say(Frame.greeting)
        let owner = try #require(try judge.owners()[node.cookie])
        let socket = try BorrowedSocket(process: owner.process, descriptor: owner.descriptor)
        let frame = Goaway.frame(debugData: "manual")
        try judge.take(socket)
        for count in 1...10 as ClosedRange<UInt32> {
          let sent = try? socket.send(frame)
          // With SK_DROP the kernel would keep that verdict, and the server's write would fail with EACCES.
          try node.say(Frame.ping)
          #expect(sent == frame.count, "to its sender, a bounced frame is sent")
          let report = try #require(try judge.report(on: socket))
          #expect(report.frames == count && report.verdict == .notServed)
        }
        try judge.giveBack()
      }
    }
  }

  @Test("a server that was killed while its connection was due: gone")
  func killedServer() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        let node = try ServingNode(on: cgroup)
        var placer = Placer(try node.datapath.makeGuard(), now: { timeSinceBoot() })
        try node.say(Frame.greeting + Frame.response())
        try placer.findOwners()
        node.server.kill()
        #expect(try placer.place(on: node.cookie) == .gone)
        #expect(try node.client.receive(1).isEmpty)
        #expect(try eventually { try node.datapath.connections().isEmpty })
      }
    }
  }

  @Test("the next connection of a server that is known is found; one that is nowhere is gone")
  func nextConnection() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        let node = try ServingNode(on: cgroup)
        var placer = Placer(try node.datapath.makeGuard(), now: { timeSinceBoot() })
        try node.say(Frame.greeting + Frame.response())
        #expect(try placer.place(on: node.cookie) == .placed)
        try node.expect(Goaway.frame(debugData: "manual"))
        let next = try TCPSocket.connected(to: .pod(11))
        let cookie = try #require(UInt64(try node.server("cookie(t := l.accept()[0])")))
        try node.server("t.sendall(bytes.fromhex('\(hexadecimal(Frame.greeting + Frame.response()))'))")
        #expect(try next.receive((Frame.greeting + Frame.response()).count) == Frame.greeting + Frame.response())
        let placement = Placement(connection: cookie, endpoint: .pod(11), reason: .manual)
        var outcomes: [PlacementOutcome] = []
        repeat { outcomes += try placer.place([placement]).map(\.outcome) } while outcomes.last == .busy
        #expect(outcomes.last == .placed)
        #expect(try eventually { try placer.place(on: 1, at: .pod(12)) == .gone })
      }
    }
  }

  @Test("the next search for owners waits for a multiple of the processor time of the last one")
  func boundedSearch() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        // Each look at the clock takes `step`, as where others have the processor.
        let clock = Mutex((now: Duration.zero, step: Duration.zero))
        var placer = Placer(
          try Datapath(on: cgroup).makeGuard(),
          now: {
            clock.withLock {
              $0.now += $0.step
              return $0.now
            }
          })
        let nowhere = Placement(connection: 1, endpoint: .pod(12), reason: .manual)
        try placer.findOwners()
        #expect(try placer.place([nowhere]).map(\.outcome) == [.busy], "no time has gone by since the last one")
        clock.withLock { $0.step = .seconds(3600) }
        for _ in 0..<2 {
          #expect(try placer.place([nowhere]).map(\.outcome) == [.gone], "looked for, and found nowhere")
        }
      }
    }
  }

  @Test("a socket that was moved to another descriptor, or to another process, is found there")
  func passedOn() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        let node = try ServingNode(on: cgroup)
        var placer = Placer(try node.datapath.makeGuard(), now: { timeSinceBoot() })
        try node.say(Frame.greeting)
        #expect(try placer.place(on: node.cookie) == .refused, "and its owner is known now")
        try node.server("moved = socket.socket(fileno=os.dup(s.fileno()))")
        try node.server("s.close()")
        #expect(try placer.place(on: node.cookie) == .refused, "known by its new descriptor")
        let heir = try Puppet()
        try heir("u = socket.socket(socket.AF_UNIX)")
        try heir("u.bind('\\0heir')")
        try heir("u.listen()")
        try node.server("u = socket.socket(socket.AF_UNIX)")
        try node.server("u.connect('\\0heir')")
        try node.server("socket.send_fds(u, [b'x'], [moved.fileno()])")
        try heir("s = socket.socket(fileno=socket.recv_fds(u.accept()[0], 1, 1)[1][0])")
        try node.server("moved.close()")
        try heir("s.sendall(bytes.fromhex('\(hexadecimal(Frame.response()))'))")
        try node.expect(Frame.response())
        #expect(try placer.place(on: node.cookie) == .placed)
        try node.expect(Goaway.frame(debugData: "manual"))
        try heir("s.close()")
        #expect(try node.client.receive(1).isEmpty)
      }
    }
  }

  @Test("where the agent is killed while a socket is in the sockhash, the socket is free, and a new agent can place")
  func killedAgent() async throws {
    let own = try TemporaryCgroup(below: Sandbox.cgroupMount(), name: "\(Sandbox.prefix)\(getpid())")
    var datapath = try Datapath(on: own.cgroup)
    let server = try Puppet()
    try own.add(process: server.process)
    let port = try #require(UInt16(try server("(l := listen('127.0.0.1', 0)).getsockname()[1]")))
    try datapath.track(SocketAddress(ip: try #require(IPAddress("127.0.0.1")), port: port))
    try server("c = connect('127.0.0.1', \(port))")
    let descriptor = try #require(Int32(try server("(s := l.accept()[0]).fileno()")))
    let cookie = try #require(UInt64(try server("cookie(s)")))
    try server("s.sendall(bytes.fromhex('\(hexadecimal(Frame.greeting + Frame.response()))'))")
    try server("c.sendall(b'12345')")
    let process = server.process
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [process = process as Int32, descriptor = descriptor as Int32] in
      let judge = try Datapath(pins: nil, limits: .small, at: timeSinceBoot()).makeGuard()
      try judge.take(BorrowedSocket(process: process, descriptor: descriptor))
      kill(getpid(), SIGKILL)
    }
    #expect(try eventually { try server("unread(s)") == "5" })
    var placer = Placer(try datapath.makeGuard(), now: { timeSinceBoot() })
    #expect(try placer.place(on: cookie) == .placed)
    let expected = Frame.greeting + Frame.response() + Goaway.frame(debugData: "manual")
    #expect(try server("c.recv(\(expected.count), socket.MSG_WAITALL).hex()") == hexadecimal(expected))
    server.kill()
  }
}

/// A data path, and a connection with a server that is a process of its own.
private struct ServingNode: ~Copyable {
  let datapath: Datapath
  let server: Puppet
  let client: TCPSocket
  let cookie: UInt64

  init(on cgroup: borrowing Cgroup) throws {
    var datapath = try Datapath(on: cgroup)
    try datapath.track(.pod(11))
    let server = try Puppet()
    try server("l = listen('10.244.0.11', \(SocketAddress.podPort))")
    let client = try TCPSocket.connected(to: .pod(11))
    let cookie = try #require(UInt64(try server("cookie(s := l.accept()[0])")))
    self.datapath = datapath
    (self.server, self.client, self.cookie) = (server, client, cookie)
  }

  /// The server sends this, and the client receives it.
  func say(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws {
    try server("s.sendall(bytes.fromhex('\(hexadecimal(bytes))'))")
    try expect(bytes, sourceLocation: sourceLocation)
  }

  func expect(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws {
    let received = try client.receive(bytes.count)
    #expect(received == bytes, sourceLocation: sourceLocation)
    #expect(!client.isReadable(), "nothing comes after it", sourceLocation: sourceLocation)
  }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
