import Testing

@Suite("Header blocks")
struct HeaderBlockTests {
  @Test("From HEADERS without END_HEADERS to the last CONTINUATION, no place is one for a frame")
  func headers() {
    var tracker = Tracker(seen: .settings(), .settingsAck, .headers(flags: 0))
    #expect(tracker.knowledge.headerBlock == 1)
    #expect(!tracker.isAtBoundary)
    tracker.see(.continuation())
    #expect(!tracker.isAtBoundary)
    tracker.see(.continuation(0, flags: Frame.endHeaders))
    #expect(tracker.isAtBoundary)
  }

  @Test("A promise's header block is one, too")
  func pushPromise() {
    var tracker = Tracker(seen: .settings(), .settingsAck, .pushPromise(flags: 0, stream: 7))
    #expect(tracker.knowledge.headerBlock == 7)
    #expect(!tracker.isAtBoundary)
    tracker.see(.continuation(flags: Frame.endHeaders, stream: 7))
    #expect(tracker.isAtBoundary)
  }

  @Test("A header block that ends with its stream holds the boundary back, and counts as one response")
  func endOfStream() {
    var tracker = Tracker(seen: .settings(), .settingsAck, .headers(flags: Frame.endStream))
    #expect(!tracker.isAtBoundary)
    tracker.see(.continuation(flags: Frame.endHeaders))
    #expect(tracker.isAtBoundary)
    #expect(tracker.knowledge.responses == 1)
  }

  @Test(
    "Nothing but CONTINUATION of that stream may follow",
    arguments: [
      .ping, .settings(), .data(1), .headers(), .goaway(), .continuation(stream: 3),
      .continuation(flags: Frame.endHeaders | Frame.padded), Frame(type: 0x0b, stream: 1),
    ] as [Frame])
  func intruder(frame: Frame) {
    var tracker = Tracker(seen: .settings(), .settingsAck, .headers(flags: 0))
    tracker.see(frame)
    #expect(tracker.sync == .lost)
    tracker.see(.continuation(flags: Frame.endHeaders))
    #expect(!tracker.isAtBoundary)
  }
}
