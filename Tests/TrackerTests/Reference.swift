/// A parser of HTTP/2 frames that has nothing in common with the tracker: it holds no state, is given the stream from
/// its first byte, splits it into frames, and answers each question by a look at the list of them. What a frame may
/// look like is a table.
enum Reference {
  static func knowledge(of stream: some Collection<UInt8>) -> Knowledge {
    let headers = headers(in: Array(stream))
    guard let first = headers.first else { return Knowledge(sync: .silent, next: stream.count) }
    guard isServerPreface(first) else { return Knowledge(sync: .opaque) }

    let frames = Array(headers.indices.prefix { isAllowed(headers[$0], after: headers[..<$0]) }.map { headers[$0] })
    let isLost = frames.count < headers.count
    let end = frames.last?.end ?? 0
    let block = isLost ? nil : openBlock(after: frames[...])
    let isAcknowledged = frames.contains { $0.type == 0x4 && $0.flags == 0x1 }
    return Knowledge(
      sync: isLost ? .lost : .inSync,
      next: isLost ? nil : max(end, stream.count),
      headerBlock: block,
      isBoundary: !isLost && isAcknowledged && end == stream.count && block == nil,
      responses: frames.count { ($0.type == 0x0 || $0.type == 0x1) && $0.has(Frame.endStream) },
      goaway: frames.first { $0.type == 0x7 }?.start
    )
  }
}

private struct Header {
  let start: Int
  let length: Int
  let type: UInt8
  let flags: UInt8
  let stream: UInt32

  var end: Int { start + 9 + length }

  func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}

/// The frames whose nine bytes are all there, in order.
private func headers(in stream: [UInt8]) -> [Header] {
  var headers: [Header] = []
  while case let start = headers.last?.end ?? 0, start + 9 <= stream.count {
    let number = { (bytes: Range<Int>) in
      stream[start + bytes.lowerBound..<start + bytes.upperBound].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    headers.append(
      Header(
        start: start, length: Int(number(0..<3)), type: stream[start + 3], flags: stream[start + 4],
        stream: number(5..<9)))
  }
  return headers
}

private func isServerPreface(_ header: Header) -> Bool {
  header.type == 0x4 && header.flags == 0 && header.stream == 0 && Array(0...100).contains { $0 * 6 == header.length }
}

private func openBlock(after frames: ArraySlice<Header>) -> UInt32? {
  guard let last = frames.last, [0x1, 0x5, 0x9].contains(last.type), !last.has(Frame.endHeaders) else { return nil }
  return last.stream
}

private struct Rule: Sendable {
  enum Streams { case zero, notZero, any, clients, answered }
  enum Length { case any, exactly(Int), atLeast(Int), multiple(of: Int) }

  let flags: UInt8
  let streams: Streams
  let length: Length
}

private let rules: [UInt8: Rule] = [
  0x0: Rule(flags: 0b0000_1001, streams: .answered, length: .atLeast(0)),
  0x1: Rule(flags: 0b0010_1101, streams: .answered, length: .atLeast(0)),
  0x2: Rule(flags: 0b0000_0000, streams: .notZero, length: .exactly(5)),
  0x3: Rule(flags: 0b0000_0000, streams: .notZero, length: .exactly(4)),
  0x4: Rule(flags: 0b0000_0001, streams: .zero, length: .multiple(of: 6)),
  0x5: Rule(flags: 0b0000_1100, streams: .clients, length: .atLeast(4)),
  0x6: Rule(flags: 0b0000_0001, streams: .zero, length: .exactly(8)),
  0x7: Rule(flags: 0b0000_0000, streams: .zero, length: .atLeast(8)),
  0x8: Rule(flags: 0b0000_0000, streams: .any, length: .exactly(4)),
  0x9: Rule(flags: 0b0000_0100, streams: .notZero, length: .any),
  0xa: Rule(flags: 0b0000_0000, streams: .any, length: .atLeast(2)),
  0xc: Rule(flags: 0b0000_0000, streams: .zero, length: .any),
].merging(grease.map { ($0, Rule(flags: 0xff, streams: .any, length: .any)) }) { $1 }

/// The types that are reserved for exercising that unknown frames are ignored.
let grease: [UInt8] = [0x0b, 0x2a, 0x49, 0x68, 0x87, 0xa6, 0xc5, 0xe4]

private func isAllowed(_ header: Header, after frames: ArraySlice<Header>) -> Bool {
  guard let rule = rules[header.type], header.flags & ~rule.flags == 0, header.stream < 1 << 31 else { return false }
  // A header block is one frame in several parts (§4.3): nothing comes between them, and they come nowhere else.
  if let block = openBlock(after: frames) { return header.type == 0x9 && header.stream == block }
  if header.type == 0x9 { return false }
  if header.type == 0x0, !frames.contains(where: { $0.type == 0x1 }) { return false }
  if header.type == 0x4, header.flags == 0x1 { return header.stream == 0 && header.length == 0 }
  return isStream(header.stream, rule.streams, after: frames) && isLength(header, rule.length)
}

private func isStream(_ stream: UInt32, _ rule: Rule.Streams, after frames: ArraySlice<Header>) -> Bool {
  switch rule {
  case .zero: stream == 0
  case .notZero: stream != 0
  case .any: true
  case .clients: !stream.isMultiple(of: 2)
  case .answered: !stream.isMultiple(of: 2) || stream != 0 && frames.contains { $0.type == 0x5 }
  }
}

private func isLength(_ header: Header, _ rule: Rule.Length) -> Bool {
  let content = header.length - (header.has(Frame.padded) ? 1 : 0) - (header.has(Frame.priority) ? 5 : 0)
  return switch rule {
  case .any: true
  case .exactly(let length): content == length
  case .atLeast(let length): content >= length
  case .multiple(let unit): content.isMultiple(of: unit)
  }
}
