import Testing

@Suite("The server's first frame")
struct FirstFrameTests {
  @Test("Before the server has sent a whole frame header, nothing is known")
  func silent() {
    var tracker = Tracker()
    #expect(tracker.sync == .silent)
    tracker.see(Array(Frame.settings().bytes.prefix(8)))
    #expect(tracker.sync == .silent)
    #expect(!tracker.isAtBoundary)
  }

  @Test("SETTINGS starts it, from none to a hundred of them", arguments: [0, 1, 8, 100])
  func settings(count: Int) {
    var tracker = Tracker(seen: .settings(count))
    #expect(tracker.sync == .inSync)
    #expect(tracker.knowledge.next == 9 + count * 6)
    tracker.see(.settingsAck)
    #expect(tracker.isAtBoundary)
  }

  @Test("A first frame that no HTTP/2 server sends is another protocol", arguments: FirstBytes.otherProtocols)
  func otherProtocol(first: FirstBytes) {
    var tracker = Tracker()
    tracker.see(first.bytes)
    #expect(tracker.sync == .opaque)
  }

  @Test("Another protocol stays another protocol, whatever follows")
  func opaqueIsFinal() {
    var tracker = Tracker()
    tracker.see(Array("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n".utf8))
    tracker.see(Frame.served)
    #expect(tracker.knowledge == Knowledge(sync: .opaque))
  }

  @Test("Until the server has acknowledged the client's SETTINGS, no place is one for a frame")
  func acknowledgement() {
    var tracker = Tracker(seen: .settings(), .headers(), .data(3, flags: Frame.endStream), .settings())
    #expect(tracker.sync == .inSync)
    #expect(!tracker.isAtBoundary)
    tracker.see(.settingsAck)
    #expect(tracker.isAtBoundary)
  }

  /// Messages with lengths of 32 bits, first an empty answer to request 0: they happen to read as a SETTINGS frame.
  private let lookalike: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0] + [0, 0, 0, 12]

  @Test("What looks like HTTP/2 at first is lost at the first frame that is not")
  func lostLater() {
    var tracker = Tracker()
    tracker.see(lookalike + Array("Hello, world".utf8))
    #expect(tracker.sync == .lost)
    tracker.see(Frame.served)
    #expect(tracker.sync == .lost)
  }

  @Test("What goes on looking like HTTP/2 by chance gets no frame, for it acknowledges nothing")
  func neverAcknowledged() {
    var tracker = Tracker()
    tracker.see(lookalike + Array("hello, world".utf8))  // h is a type of frame to be ignored, 12 its length
    tracker.see([0, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(tracker.knowledge.next == tracker.sent)
    #expect(!tracker.isAtBoundary)
  }
}

struct FirstBytes: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let bytes: [UInt8]

  init(_ description: String, _ bytes: [UInt8]) {
    testDescription = description
    self.bytes = bytes
  }

  static let otherProtocols = [
    FirstBytes("TLS 1.3's ServerHello", [0x16, 3, 3, 0, 0x7a, 2, 0, 0, 0x76, 3, 3]),
    FirstBytes("a TLS alert", [0x15, 3, 3, 0, 2, 2, 40, 0x15, 3, 3, 0, 2, 1, 0]),
    FirstBytes("HTTP/1.1", Array("HTTP/1.1 200 OK\r\n".utf8)),
    FirstBytes("SSH", Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)),
    FirstBytes("Redis", Array("+OK\r\n$5\r\nhello\r\n".utf8)),
    FirstBytes("MySQL's greeting", [0x4a, 0, 0, 0, 10] + Array("8.0.36".utf8)),
    FirstBytes("PostgreSQL", [0x52, 0, 0, 0, 8, 0, 0, 0, 0]),
    FirstBytes("DNS", [0, 0x2d, 0, 4, 0x84, 0, 0, 0, 0, 1]),
    FirstBytes("RSocket's KEEPALIVE", [0, 0, 14, 0, 0, 0, 0, 0x0c, 0]),
    FirstBytes("zeros", [UInt8](repeating: 0, count: 9)),
    FirstBytes("the client's preface", Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)),
    FirstBytes("HEADERS", Frame.headers().bytes),
    FirstBytes("GOAWAY", Frame.goaway().bytes),
    FirstBytes("SETTINGS that only acknowledge", Frame.settingsAck.bytes),
    FirstBytes("SETTINGS with a flag that does not exist", Frame(type: 4, flags: 0x80).bytes),
    FirstBytes("SETTINGS on a stream", Frame(type: 4, stream: 1).bytes),
    FirstBytes("SETTINGS with the reserved bit", Frame(type: 4, stream: 1 << 31).bytes),
    FirstBytes("SETTINGS of 7 bytes", Frame.header(length: 7, type: 4)),
    FirstBytes("101 settings", Frame.settings(101).bytes),
  ]
}
