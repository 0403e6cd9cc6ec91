/// SplitMix64: small, and the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

/// Writes streams of frames as a server could send them, the more unusual the better.
struct RandomStream {
  private var random: SeededGenerator
  private let longestPayload: Int
  private var bytes: [UInt8]
  private var answered: [UInt32] = []
  private var nextRequest: UInt32 = 1
  private var nextPromise: UInt32 = 2

  /// A stream of `frames` frames or a few more: header blocks are not left open.
  static func bytes(frames: Int, longestPayload: Int, seed: Int) -> [UInt8] {
    var stream = RandomStream(longestPayload: longestPayload, seed: seed)
    for _ in 0..<frames { stream.appendAnything() }
    return stream.bytes
  }

  private init(longestPayload: Int, seed: Int) {
    random = SeededGenerator(seed: seed)
    self.longestPayload = longestPayload
    bytes = Frame.settings(Int.random(in: 0...3, using: &random)).bytes
    if Bool.random(using: &random) { append(.settingsAck) }
  }

  private mutating func append(_ frame: Frame) { bytes += frame.bytes }

  private mutating func append(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, length: Int) {
    let payload = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
    append(Frame(type: type, flags: flags, stream: stream, payload: payload))
  }

  private mutating func appendAnything() {
    switch Int.random(in: 0..<14, using: &random) {
    case 0...2: appendData()
    case 3...5: appendHeaders()
    case 6: appendPromise()
    case 7: append(0x2, stream: anyStream(), length: 5)
    case 8: append(0x3, stream: anyStream(), length: 4)
    case 9: append(Bool.random(using: &random) ? .settingsAck : .settings(Int.random(in: 0...3, using: &random)))
    case 10: append(0x6, flags: UInt8.random(in: 0...1, using: &random), length: 8)
    case 11: append(0x8, stream: Bool.random(using: &random) ? 0 : anyStream(), length: 4)
    case 12: append(grease.randomElement(using: &random) ?? 0xb, flags: 0xff, stream: anyStream(), length: length())
    default: append(0x7, length: 8 + length())
    }
  }

  private mutating func appendData() {
    guard let stream = answered.randomElement(using: &random) else { return appendHeaders() }
    let padded = flag(Frame.padded)
    append(0x0, flags: flag(Frame.endStream) | padded, stream: stream, length: length() + (padded != 0 ? 1 : 0))
  }

  private mutating func appendHeaders() {
    if answered.isEmpty || Bool.random(using: &random) {
      answered.append(nextRequest)
      nextRequest += 2
    }
    let stream = answered.randomElement(using: &random) ?? 1
    let flags = flag(Frame.endStream) | flag(Frame.padded) | flag(Frame.priority)
    appendBlock(0x1, flags: flags, stream: stream, leastLength: 6)
  }

  /// A promise, and at once the head of the promised response.
  private mutating func appendPromise() {
    appendBlock(0x5, flags: flag(Frame.padded), stream: anyStream(), leastLength: 5)
    appendBlock(0x1, flags: flag(Frame.endStream), stream: nextPromise, leastLength: 0)
    answered.append(nextPromise)
    nextPromise += 2
  }

  /// A frame that opens a header block, and what closes it.
  private mutating func appendBlock(_ type: UInt8, flags: UInt8, stream: UInt32, leastLength: Int) {
    let continuations = max(0, Int.random(in: -3...3, using: &random))
    append(
      type, flags: flags | (continuations == 0 ? Frame.endHeaders : 0), stream: stream, length: leastLength + length())
    for left in (0..<continuations).reversed() {
      append(0x9, flags: left == 0 ? Frame.endHeaders : 0, stream: stream, length: length())
    }
  }

  private mutating func flag(_ flag: UInt8) -> UInt8 { Bool.random(using: &random) ? flag : 0 }

  /// Often 0: frames without payload follow each other closely.
  private mutating func length() -> Int { max(0, Int.random(in: -longestPayload / 4...longestPayload, using: &random)) }

  /// A stream of the client's, whether it has been answered or not.
  private mutating func anyStream() -> UInt32 { UInt32.random(in: 0..<50, using: &random) * 2 + 1 }
}
