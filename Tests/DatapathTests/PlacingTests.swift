import Balancing
import Datapath
import Draining
import Glibc
import HTTP2
import Kernel
import Shim
import Testing

@Suite("Placing GOAWAYs", .serialized, .timeLimit(.minutes(1)))
struct PlacingTests {
  @Test("a GOAWAY is placed between frames, says why, and is seen to leave")
  func places() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        for (number, reason) in DrainReason.allCases.enumerated() {
          var stage = try Stage(on: cgroup, at: .pod(11 + number))
          try stage.say(Frame.greeting + Frame.response())
          let before = timeSinceBoot()
          #expect(try stage.place(reason) == .placed)
          try stage.expect(Goaway.frame(debugData: reason.rawValue))
          try stage.say(Frame.response(stream: 3))
          guard case .draining(let since, reason) = try stage.connection().accepted.condition else {
            Issue.record("not draining for \(reason)")
            continue
          }
          #expect((before...timeSinceBoot()).contains(since))
          let counters = try stage.counters()
          #expect(counters.goaways[reason] == 1 && counters.goaways.values.reduce(0, +) == 1)
          #expect(counters.refused == 0 && counters.responses == 2)
          #expect(stage.placer.unguarded == 0)
        }
      }
    }
  }

  @Test("over IPv6, too")
  func ipv6() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup, at: .pod(11, .ipv6))
        try stage.say(Frame.greeting + Frame.response())
        #expect(try stage.place() == .placed)
        try stage.expect(Goaway.frame(debugData: "manual"))
      }
    }
  }

  @Test("a server that listens for Multipath TCP, as Go's do, and a client that does not speak it")
  func multipathListener() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        try datapath.track(.pod(11))
        let listener = try TCPSocket.listening(at: .pod(11), over: .mptcp)
        let client = try TCPSocket.connected(to: .pod(11))
        let server = try listener.accept()
        var stage = try Stage(datapath: datapath, pods: Pods([]), client: client, server: server)
        try stage.say(Frame.greeting + Frame.response())
        #expect(try stage.place() == .placed)
        try stage.expect(Goaway.frame(debugData: "manual"))
        try stage.say(Frame.response(stream: 3))
      }
    }
  }

  @Test(
    "not before a response has ended, not inside a frame or its header, not inside a header block: refused, and placed later"
  )
  func refuses() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup)
        let data = Frame.data(Array(repeating: 7, count: 100))
        #expect(try stage.place() == .refused, "the server has said nothing yet")
        // What it says then, piece by piece: after each, a GOAWAY would do harm.
        let pieces: [[UInt8]] = [
          Frame.settings, Frame.settingsAck, Frame.headers(stream: 1), Array(data[..<5]), Array(data[5..<50]),
          data[50...] + Frame.headers(stream: 3, endHeaders: false, endStream: true),
          Array(Frame.continuation(stream: 3).dropLast()),
        ]
        for (number, piece) in pieces.enumerated() {
          try stage.say(piece)
          #expect(try stage.place() == .refused, "after piece \(number)")
          #expect(!stage.client.isReadable(), "nothing may reach the client")
        }
        #expect(try stage.counters().refused == UInt64(pieces.count + 1))
        try stage.say(Array(Frame.continuation(stream: 3).suffix(1)))
        #expect(try stage.place() == .placed)
        try stage.expect(Goaway.frame(debugData: "manual"))
        #expect(stage.placer.unguarded == 0)
      }
    }
  }

  @Test("not before the server has acknowledged the client's SETTINGS")
  func notAcknowledged() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup)
        try stage.say(Frame.settings + Frame.response())
        #expect(try stage.place() == .refused)
        try stage.say(Frame.settingsAck)
        #expect(try stage.place() == .placed)
        try stage.expect(Goaway.frame(debugData: "manual"))
      }
    }
  }

  @Test("never a second one")
  func once() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup)
        try stage.say(Frame.greeting + Frame.response())
        #expect(try stage.place() == .placed)
        try stage.expect(Goaway.frame(debugData: "manual"))
        for reason in DrainReason.allCases { #expect(try stage.place(reason) == .gone) }
        try stage.say(Frame.response(stream: 3))
        #expect(try stage.counters().goaways[.manual] == 1)
      }
    }
  }

  @Test("a client that has stopped reading: busy or refused, until it has read all, and every byte is exact")
  func zeroWindow() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup)
        try stage.say(Frame.greeting)
        let body = Frame.headers() + Frame.data((0..<4_000_000).map { UInt8(truncatingIfNeeded: $0) })
        let forceSendBuffer: CInt = 32  // SO_SNDBUFFORCE
        try stage.server.set(forceSendBuffer, to: CInt(8_000_000))
        try stage.server.send(body)
        for _ in 1...20 {
          let outcome = try #require(
            try stage.placer.place([
              Placement(connection: stage.server.cookie(), endpoint: .pod(11), reason: .manual)
            ]).first?.outcome)
          #expect([.busy, .refused].contains(outcome))
        }
        try stage.expect(body)
        #expect(try stage.place() == .placed)
        try stage.expect(Goaway.frame(debugData: "manual"))
      }
    }
  }

  @Test("afterwards the socket is the server's alone: it reports unread bytes, and its end is the connection's")
  func givesBack() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup)
        try stage.say(Frame.greeting + Frame.response())
        #expect(try stage.place() == .placed)
        try stage.expect(Goaway.frame(debugData: "manual"))
        try stage.client.send([1, 2, 3, 4, 5])
        #expect(stage.server.isReadable(within: 1000))
        #expect(try stage.server.unread() == 5, "as it would not, were it in a sockhash still")
        #expect(try stage.server.receive(5) == [1, 2, 3, 4, 5])
        stage.server.close()
        #expect(stage.client.isReadable(within: 1000), "the FIN comes at once: nobody holds another descriptor")
        #expect(try stage.client.receive(1).isEmpty)
      }
    }
  }

  @Test("a connection is closed when its grace is over: both sides get an error")
  func closes() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var stage = try Stage(on: cgroup)
        try stage.say(Frame.greeting + Frame.response())
        try stage.placer.close([stage.server.cookie(), 0])
        #expect(throws: (any Error).self) { try stage.client.receive(1) }
        #expect(throws: (any Error).self) { try stage.server.send([1]) }
        #expect(try stage.datapath.connections() == [])
      }
    }
  }
}
