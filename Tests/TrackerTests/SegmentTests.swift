import Testing

@Suite("Segments")
struct SegmentTests {
  private let stream = Frame.served + Frame.headers(20, stream: 3).bytes + Frame.ping.bytes

  @Test("A stream that comes byte by byte is followed")
  func byteByByte() {
    var tracker = Tracker()
    tracker.seeByteByByte(stream)
    #expect(tracker.knowledge == Reference.knowledge(of: stream))
    #expect(tracker.isAtBoundary)
  }

  @Test("Inside a payload and inside a frame header is no boundary")
  func insideFrames() {
    var tracker = Tracker()
    tracker.see(Frame.served)
    for byte in Frame.data(5).bytes.dropLast() {
      tracker.see([byte])
      #expect(!tracker.isAtBoundary)
    }
    tracker.see([0])
    #expect(tracker.isAtBoundary)
  }

  @Test("A hole that hides a byte of a frame header ends it for good, also when the hole is filled later")
  func hole() {
    var tracker = Tracker()
    tracker.see(Frame.served)
    let boundary = tracker.sent
    tracker.see(Array(Frame.ping.bytes.dropFirst()), at: boundary + 1)
    #expect(tracker.sync == .lost)
    tracker.see(Frame.ping.bytes, at: boundary)
    tracker.see(.ping)
    #expect(tracker.sync == .lost)
    #expect(!tracker.isAtBoundary)
  }

  @Test("A hole before the first byte ends it")
  func holeAtStart() {
    var tracker = Tracker()
    tracker.see(Frame.settings().bytes, at: 1)
    #expect(tracker.sync == .lost)
  }

  @Test("A hole inside a payload hides nothing")
  func holeInPayload() {
    var tracker = Tracker()
    tracker.see(Frame.served + Frame.header(length: 100, type: 0, stream: 1))
    tracker.see([UInt8](repeating: 0, count: 40), at: tracker.sent + 60)
    #expect(tracker.isAtBoundary)
  }

  @Test("A segment without payload changes nothing, wherever it is")
  func empty() {
    var tracker = Tracker()
    tracker.see(Frame.served)
    let before = tracker.knowledge
    for offset in [0, tracker.sent - 1, tracker.sent] {
      tracker.see([], at: offset)
      #expect(tracker.knowledge == before)
    }
  }

  @Test("A retransmission changes nothing, in whatever segments it comes")
  func retransmission() {
    var tracker = Tracker()
    tracker.see(stream)
    let before = tracker.knowledge
    for start in stream.indices {
      for end in start + 1...stream.count {
        tracker.see(stream[start..<end], at: start)
        #expect(tracker.knowledge == before)
      }
    }
  }

  @Test("A retransmission into a frame header that has begun changes nothing, and the header is read to its end")
  func retransmissionWithinHeader() {
    for have in 1..<9 {
      var tracker = Tracker()
      tracker.see(Frame.served + Frame.ping.bytes.prefix(have))
      tracker.see(Frame.served, at: 0)
      tracker.see(Frame.ping.bytes.prefix(have), at: Frame.served.count)
      tracker.see(Array(Frame.ping.bytes.dropFirst(have)))
      #expect(tracker.isAtBoundary)
    }
  }

  @Test("A retransmission that overlaps what was seen is read from where its tail is new")
  func overlap() {
    for seen in 1..<stream.count {
      for start in 0..<seen {
        var tracker = Tracker()
        tracker.see(Array(stream[..<seen]))
        tracker.see(stream[start...], at: start)
        #expect(tracker.knowledge == Reference.knowledge(of: stream))
      }
    }
  }

  @Test("Sequence numbers that wrap around at 2³² make no difference, wherever in the stream they do")
  func wrapAround() {
    for distance in 0...stream.count {
      var whole = Tracker(origin: 0 &- UInt32(distance))
      whole.see(stream)
      whole.see(stream, at: 0)
      #expect(whole.knowledge == Reference.knowledge(of: stream))
      var bytes = Tracker(origin: 0 &- UInt32(distance))
      bytes.seeByteByByte(stream)
      #expect(bytes.knowledge == Reference.knowledge(of: stream))
    }
  }

  @Test("A hole across the wrap-around is a hole")
  func holeAcrossWrapAround() {
    var tracker = Tracker(origin: 0 &- UInt32(Frame.served.count + 4))
    tracker.see(Frame.served)
    tracker.see([0, 0, 0, 0], at: tracker.sent + 5)
    #expect(tracker.sync == .lost)
  }

  @Test("The boundary is where the stream ends and nowhere near it")
  func onlyHere() {
    var tracker = Tracker()
    tracker.see(Frame.served)
    #expect(tracker.isAtBoundary)
    // The server's next bytes have been sent, but the tracker has not seen them.
    tracker.see([0], at: tracker.sent + 1)
    #expect(!tracker.isAtBoundary)
  }
}
