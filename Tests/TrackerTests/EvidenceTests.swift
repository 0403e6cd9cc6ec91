import Testing

@Suite("What else the tracker knows")
struct EvidenceTests {
  @Test("A response is counted where its stream ends: with DATA, with HEADERS, with trailers")
  func responses() {
    var tracker = Tracker(seen: .settings(), .settingsAck, .headers(flags: Frame.endHeaders | Frame.endStream))
    #expect(tracker.knowledge.responses == 1)
    tracker.see(.headers(stream: 3))
    tracker.see(.data(5, stream: 3))
    #expect(tracker.knowledge.responses == 1)
    tracker.see(.data(0, flags: Frame.endStream, stream: 3))
    #expect(tracker.knowledge.responses == 2)
    tracker.see(.headers(stream: 5))
    tracker.see(.headers(flags: Frame.endHeaders | Frame.endStream, stream: 5))
    #expect(tracker.knowledge.responses == 3)
  }

  @Test("The flag 0x1 of SETTINGS and PING is no end of a stream")
  func acknowledgementsAreNoResponses() {
    let tracker = Tracker(seen: .settings(), .settingsAck, Frame(type: 6, flags: 1, payload: Frame.ping.payload))
    #expect(tracker.knowledge.responses == 0)
  }

  @Test("Where the first GOAWAY begins is recorded, however it is cut", arguments: [1, 3, 9, 17, 24])
  func goaway(segmentLength: Int) {
    var tracker = Tracker(origin: .max - 40)
    tracker.see(Frame.served)
    let position = tracker.sent
    #expect(tracker.knowledge.goaway == nil)
    let goaway = Frame.goaway(debugData: "max_age").bytes
    for start in stride(from: 0, to: goaway.count, by: segmentLength) {
      tracker.see(Array(goaway[start..<min(start + segmentLength, goaway.count)]))
    }
    #expect(tracker.knowledge.goaway == position)
    #expect(tracker.isAtBoundary)
  }

  @Test("A second GOAWAY leaves the position of the first, and the stream is still followed")
  func secondGoaway() {
    var tracker = Tracker(seen: .settings(), .settingsAck)
    let position = tracker.sent
    tracker.see(.goaway())
    tracker.see(.headers())
    tracker.see(.goaway(debugData: "bye"))
    #expect(tracker.knowledge.goaway == position)
    #expect(tracker.isAtBoundary)
  }

  @Test("Seeing a segment again counts nothing again")
  func countedOnce() {
    var tracker = Tracker()
    let stream = Frame.served + Frame.goaway().bytes
    tracker.see(stream)
    let before = tracker.knowledge
    tracker.see(stream, at: 0)
    #expect(tracker.knowledge == before)
    #expect(before.responses == 1)
  }
}
