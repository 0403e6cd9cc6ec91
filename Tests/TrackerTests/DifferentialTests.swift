import Testing

/// The tracker, which sees segments, against the reference, which sees all bytes up to where they end.
@Suite("The tracker agrees with a parser of the whole stream")
struct DifferentialTests {
  @Test("on short streams, cut in two at every offset", arguments: 0..<100)
  func cutInTwo(seed: Int) {
    let stream = RandomStream.bytes(frames: 8, longestPayload: 12, seed: seed)
    let expected = referenceOfPrefixes(stream)
    let mismatch = stream.indices.first { cut in
      var tracker = Tracker(origin: origin(seed, cut))
      tracker.see(Array(stream[..<cut]))
      guard tracker.knowledge == expected[cut] else { return true }
      tracker.see(Array(stream[cut...]))
      return tracker.knowledge != expected[stream.count]
    }
    #expect(mismatch == nil)
    #expect(expected[stream.count].sync == .inSync)
  }

  @Test("on short streams, cut in three at every pair of offsets", arguments: 0..<5)
  func cutInThree(seed: Int) {
    let stream = RandomStream.bytes(frames: 4, longestPayload: 4, seed: seed)
    let expected = referenceOfPrefixes(stream)
    let mismatch = pairs(upTo: stream.count).first { first, second in
      var tracker = Tracker(origin: origin(seed, second))
      tracker.see(Array(stream[..<first]))
      tracker.see(Array(stream[first..<second]))
      guard tracker.knowledge == expected[second] else { return true }
      tracker.see(Array(stream[second...]))
      return tracker.knowledge != expected[stream.count]
    }
    #expect(mismatch == nil)
  }

  @Test("on short streams, byte by byte", arguments: 0..<100)
  func byteByByte(seed: Int) {
    let stream = RandomStream.bytes(frames: 10, longestPayload: 20, seed: seed)
    let expected = referenceOfPrefixes(stream)
    var tracker = Tracker(origin: origin(seed, stream.count / 2))
    let mismatch = stream.indices.first { position in
      tracker.see([stream[position]])
      return tracker.knowledge != expected[position + 1]
    }
    #expect(mismatch == nil)
  }

  @Test("on long streams in random segments, with retransmissions and overlaps", arguments: 0..<50)
  func randomSegments(seed: Int) {
    let stream = RandomStream.bytes(frames: 50, longestPayload: 500, seed: seed)
    let mismatch = firstMismatch(stream, seed: seed)
    #expect(mismatch == nil)
    #expect(Reference.knowledge(of: stream).sync == .inSync)
  }

  @Test("on large segments, with frames near to each other and far apart", arguments: 0..<50)
  func largeSegments(seed: Int) {
    let stream = (0..<8).flatMap { part in
      let longestPayload = [5, 200, 1200, 5000][part % 4]
      // Each begins with SETTINGS, which may come anywhere.
      return RandomStream.bytes(frames: 25, longestPayload: longestPayload, seed: seed + 1000 * part)
    }
    let mismatch = firstMismatch(stream, longest: 64_000, seed: seed)
    #expect(mismatch == nil)
    #expect(Reference.knowledge(of: stream).sync == .inSync)
  }

  @Test("on streams with a wrong byte somewhere", arguments: 0..<1000)
  func corrupted(seed: Int) throws {
    var random = SeededGenerator(seed: seed)
    var stream = RandomStream.bytes(frames: 12, longestPayload: 6, seed: seed)
    let position = try #require(stream.indices.randomElement(using: &random))
    switch seed % 3 {
    case 0: stream[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: stream.remove(at: position)
    default: stream.insert(UInt8.random(in: 0...255, using: &random), at: position)
    }
    let mismatch = firstMismatch(stream, seed: seed)
    #expect(mismatch == nil)
  }

  @Test("on streams with a hole: it goes on where the hole hides payload only, and else never again", arguments: 0..<5)
  func holes(seed: Int) {
    let stream = RandomStream.bytes(frames: 6, longestPayload: 12, seed: seed)
    let expected = referenceOfPrefixes(stream)
    let mismatch = pairs(upTo: stream.count).first { start, end in
      var tracker = Tracker(origin: origin(seed, end))
      tracker.see(Array(stream[..<start]))
      tracker.see(stream[end...], at: end)
      let isHarmless = end <= expected[start].next ?? 0
      if isHarmless { return tracker.knowledge != expected[stream.count] }
      tracker.see(stream, at: 0)
      return tracker.sync != .lost || tracker.isAtBoundary
    }
    #expect(mismatch == nil)
  }
}

/// What is known of the stream's first 0, 1, 2, … bytes.
private func referenceOfPrefixes(_ stream: [UInt8]) -> [Knowledge] {
  (0...stream.count).map { Reference.knowledge(of: stream[..<$0]) }
}

/// The first sequence number: for odd seeds such that the sequence numbers wrap around at the given offset.
private func origin(_ seed: Int, _ offset: Int) -> UInt32 {
  seed.isMultiple(of: 2) ? UInt32(seed) : 0 &- UInt32(offset)
}

/// Two different offsets in a stream, in order, in every combination.
private func pairs(upTo count: Int) -> some Sequence<(Int, Int)> {
  (0..<count).lazy.flatMap { first in (first + 1..<count).lazy.map { (first, $0) } }
}

/// Shows a tracker a stream in random segments, some of them again, alone or with new bytes behind them. Returns after
/// how many bytes the tracker and the reference differ.
private func firstMismatch(_ stream: [UInt8], longest: Int? = nil, seed: Int) -> Int? {
  var random = SeededGenerator(seed: seed)
  var tracker = Tracker(origin: origin(seed, Int.random(in: 0...stream.count, using: &random)))
  let longest = longest ?? (Bool.random(using: &random) ? 40 : 1000)
  while tracker.sent < stream.count {
    let isAgain = Int.random(in: 0..<3, using: &random) == 0
    let start = isAgain ? Int.random(in: 0...tracker.sent, using: &random) : tracker.sent
    let end = min(start + Int.random(in: 1...longest, using: &random), stream.count)
    tracker.see(stream[start..<end], at: start)
    if tracker.knowledge != Reference.knowledge(of: stream[..<tracker.sent]) { return tracker.sent }
  }
  return nil
}
