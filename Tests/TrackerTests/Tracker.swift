import CBPF
import CTracker
import Testing

/// A frame tracker that is shown segments of a stream whose first byte has the sequence number `origin`.
struct Tracker {
  let origin: UInt32
  private var tracker = http2_tracker()
  /// One that sees the same, and reads each frame header by itself.
  private var withoutScratch = http2_tracker()
  /// How many bytes of the stream have left: TCP's `snd_nxt`.
  private(set) var sent = 0

  init(origin: UInt32 = 1) {
    self.origin = origin
    tracker.next_seq = origin
    withoutScratch = tracker
  }

  /// A tracker that has seen these frames, each in a segment of its own.
  init(seen frames: Frame..., origin: UInt32 = 1) {
    self.init(origin: origin)
    for frame in frames { see(frame) }
  }

  /// Shows it the next bytes.
  mutating func see(_ bytes: [UInt8]) { see(bytes, at: sent) }

  mutating func see(_ frame: Frame) { see(frame.bytes) }

  /// Shows it bytes that lie anywhere in the stream: old ones again, or new ones behind a hole.
  mutating func see(_ bytes: some Collection<UInt8>, at offset: Int) {
    let segment = Array(bytes)
    tracker_feed(&tracker, segment, UInt32(segment.count), seq(of: offset), 1)
    tracker_feed(&withoutScratch, segment, UInt32(segment.count), seq(of: offset), 0)
    if contents(of: tracker) != contents(of: withoutScratch) { Issue.record("what it knows depends on how it reads") }
    sent = max(sent, offset + segment.count)
  }

  /// Shows it one byte after the other.
  mutating func seeByteByByte(_ bytes: [UInt8]) {
    for byte in bytes { see([byte]) }
  }

  var knowledge: Knowledge {
    let sync: Knowledge.Sync =
      switch http2_sync(rawValue: UInt32(tracker.sync)) {
      case HTTP2_SILENT: .silent
      case HTTP2_IN_SYNC: .inSync
      case HTTP2_OPAQUE: .opaque
      default: .lost
      }
    let isFollowed = sync == .silent || sync == .inSync
    return Knowledge(
      sync: sync,
      next: isFollowed ? offset(of: tracker.next_seq) : nil,
      headerBlock: isFollowed && tracker.header_block != 0 ? tracker.header_block : nil,
      isBoundary: withUnsafePointer(to: tracker) { http2_at_boundary($0, seq(of: sent)) != 0 },
      responses: Int(tracker.responses),
      goaway: tracker.goaway != 0 ? offset(of: tracker.goaway_seq) : nil
    )
  }

  var sync: Knowledge.Sync { knowledge.sync }
  var isAtBoundary: Bool { knowledge.isBoundary }

  private func contents(of tracker: http2_tracker) -> [UInt8] { withUnsafeBytes(of: tracker) { Array($0) } }
  private func seq(of offset: Int) -> UInt32 { origin &+ UInt32(truncatingIfNeeded: offset) }
  private func offset(of seq: UInt32) -> Int { Int(Int32(bitPattern: seq &- origin)) }
}
