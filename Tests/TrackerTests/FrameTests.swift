import Testing

@Suite("Frames")
struct FrameTests {
  @Test("What a server may send is followed", arguments: SeenFrame.allowed)
  func allowed(frame: SeenFrame) {
    var tracker = Tracker()
    tracker.see(Frame.served)
    for part in frame.frames { tracker.see(part) }
    #expect(tracker.isAtBoundary)
    #expect(tracker.knowledge.next == tracker.sent)
  }

  @Test("What no server sends ends it, for good", arguments: SeenFrame.forbidden)
  func forbidden(frame: SeenFrame) {
    var tracker = Tracker()
    tracker.see(Frame.served)
    for part in frame.frames { tracker.see(part) }
    #expect(tracker.sync == .lost)
    #expect(!tracker.isAtBoundary)
    tracker.see(.ping)
    #expect(tracker.sync == .lost)
  }

  @Test("DATA before any HEADERS ends it")
  func dataBeforeHeaders() {
    #expect(Tracker(seen: .settings(), .settingsAck, .data(3)).sync == .lost)
  }

  @Test("DATA of a pushed stream needs HEADERS first")
  func dataBeforeHeadersOfPush() {
    #expect(Tracker(seen: .settings(), .pushPromise(), .data(3, stream: 2)).sync == .lost)
    #expect(Tracker(seen: .settings(), .pushPromise(), .headers(stream: 2), .data(3, stream: 2)).sync == .inSync)
  }

  @Test("A type that is not known is only skipped where it is reserved for that", arguments: UInt8(0x0d)...0xff)
  func unknownTypes(type: UInt8) {
    var tracker = Tracker()
    tracker.see(Frame.served)
    tracker.see(Frame(type: type, flags: 0xff, stream: 6, payload: [1, 2, 3]))
    #expect(tracker.sync == (grease.contains(type) ? .inSync : .lost))
  }

  @Test("A frame of the greatest length is skipped to its end and not a byte further")
  func greatestLength() {
    let length = 1 << 24 - 1
    var tracker = Tracker()
    tracker.see(Frame.served + Frame.header(length: length, type: 0, stream: 1))
    let end = tracker.sent + length
    #expect(tracker.knowledge.next == end)
    tracker.see([0], at: end - 2)
    #expect(!tracker.isAtBoundary)
    tracker.see([0], at: end - 1)
    #expect(tracker.isAtBoundary)
  }

  @Test("A packet of 512 kB with nothing but frame headers, two of them split, is read to its end")
  func mostSteps() {
    var tracker = Tracker()
    let empty = Frame.data(0).bytes
    tracker.see(Frame.served + empty.prefix(1))
    let packet = empty.dropFirst() + Array(repeatElement(empty, count: 512 * 1024 / 9 - 1).joined()) + empty.prefix(8)
    tracker.see(Array(packet))
    #expect(packet.count > 512 * 1024 - 9)
    #expect(tracker.knowledge.next == tracker.sent)
    tracker.see(Array(empty.suffix(1)))
    #expect(tracker.isAtBoundary)
  }
}

/// Frames that follow those of a server which has answered on stream 1.
struct SeenFrame: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let frames: [Frame]

  init(_ description: String, _ frames: Frame...) {
    testDescription = description
    self.frames = frames
  }

  init(_ description: String, type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, length: Int = 0) {
    let payload = [UInt8](repeating: 0, count: length)
    self.init(description, Frame(type: type, flags: flags, stream: stream, payload: payload))
  }

  static let allowed = [
    SeenFrame("empty DATA", .data(0)),
    SeenFrame("padded DATA", .data(9, flags: Frame.padded)),
    SeenFrame("HEADERS with padding and priority", .headers(6, flags: 0x2c)),
    SeenFrame("HEADERS and CONTINUATION", .headers(flags: 0), .continuation(flags: Frame.endHeaders)),
    SeenFrame("PRIORITY", type: 0x2, stream: 3, length: 5),
    SeenFrame("RST_STREAM", type: 0x3, stream: 3, length: 4),
    SeenFrame("SETTINGS", .settings()),
    SeenFrame("SETTINGS that acknowledge", .settingsAck),
    SeenFrame("a push", .pushPromise(), .headers(stream: 2), .data(3, stream: 2)),
    SeenFrame("a padded promise", .pushPromise(5, flags: Frame.endHeaders | Frame.padded)),
    SeenFrame("PING", .ping),
    SeenFrame("an answer to PING", type: 0x6, flags: 0x1, length: 8),
    SeenFrame("GOAWAY with debug data", .goaway(debugData: "max_age")),
    SeenFrame("WINDOW_UPDATE of the connection", type: 0x8, length: 4),
    SeenFrame("WINDOW_UPDATE of a stream", type: 0x8, stream: 1, length: 4),
    SeenFrame("ALTSVC", type: 0xa, length: 12),
    SeenFrame("ORIGIN", type: 0xc, length: 12),
  ]

  static let forbidden =
    [
      SeenFrame("DATA on stream 0", .data(3, stream: 0)),
      SeenFrame("DATA on a stream that was not promised", .data(3, stream: 2)),
      SeenFrame("DATA without room for its padding", .data(0, flags: Frame.padded)),
      SeenFrame("HEADERS on stream 0", .headers(stream: 0)),
      SeenFrame("HEADERS on a stream that was not promised", .headers(stream: 2)),
      SeenFrame("HEADERS without room for padding", .headers(0, flags: Frame.endHeaders | Frame.padded)),
      SeenFrame("HEADERS without room for priority", .headers(4, flags: Frame.endHeaders | Frame.priority)),
      SeenFrame("HEADERS without room for both", .headers(5, flags: 0x2c)),
      SeenFrame("PRIORITY on stream 0", type: 0x2, length: 5),
      SeenFrame("PRIORITY of 4 bytes", type: 0x2, stream: 1, length: 4),
      SeenFrame("RST_STREAM on stream 0", type: 0x3, length: 4),
      SeenFrame("RST_STREAM of 5 bytes", type: 0x3, stream: 1, length: 5),
      SeenFrame("SETTINGS on a stream", type: 0x4, stream: 1),
      SeenFrame("SETTINGS of 5 bytes", type: 0x4, length: 5),
      SeenFrame("an acknowledgement with settings", type: 0x4, flags: 0x1, length: 6),
      SeenFrame("PUSH_PROMISE on stream 0", .pushPromise(stream: 0)),
      SeenFrame("PUSH_PROMISE on a stream of the server's", .pushPromise(), .pushPromise(stream: 2)),
      SeenFrame("PUSH_PROMISE of 3 bytes", .pushPromise(3)),
      SeenFrame("PUSH_PROMISE without room for padding", .pushPromise(4, flags: Frame.endHeaders | Frame.padded)),
      SeenFrame("PING on a stream", type: 0x6, stream: 1, length: 8),
      SeenFrame("PING of 7 bytes", type: 0x6, length: 7),
      SeenFrame("GOAWAY on a stream", type: 0x7, stream: 1, length: 8),
      SeenFrame("GOAWAY of 7 bytes", type: 0x7, length: 7),
      SeenFrame("WINDOW_UPDATE of 3 bytes", type: 0x8, length: 3),
      SeenFrame("CONTINUATION outside a header block", .continuation(flags: Frame.endHeaders)),
      SeenFrame("ALTSVC of 1 byte", type: 0xa, length: 1),
      SeenFrame("ORIGIN on a stream", type: 0xc, stream: 1),
      SeenFrame("PRIORITY_UPDATE, which only clients send", type: 0x10, length: 4),
      SeenFrame("the reserved bit of the stream", .data(3, stream: 1 << 31 | 1)),
    ]
    + undefinedFlags.map { type, flag in
      let length = [0x2: 5, 0x3: 4, 0x5: 5, 0x6: 8, 0x7: 8, 0x8: 4][type] ?? 6
      let stream: UInt32 = [0x4, 0x6, 0x7, 0xc].contains(type) ? 0 : 1
      return SeenFrame("flag \(flag) of type \(type)", type: type, flags: flag, stream: stream, length: length)
    }

  /// The lowest flag of each type that means nothing there.
  private static let undefinedFlags: [(UInt8, UInt8)] = [
    (0x0, 0x2), (0x1, 0x2), (0x2, 0x1), (0x3, 0x1), (0x4, 0x2), (0x5, 0x1), (0x6, 0x2), (0x7, 0x1), (0x8, 0x1),
    (0xa, 0x1), (0xc, 0x1),
  ]
}
