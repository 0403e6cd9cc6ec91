internal import NIOCore

/// Puts lines together from chunks that know nothing of them.
struct LineSplitter {
  private let limit: Int
  private var partial: [UInt8] = []

  init(limit: Int) { self.limit = limit }

  /// Whether nothing of a line has come that has not ended.
  var isAtLineStart: Bool { partial.isEmpty }

  /// The lines that have ended, without empty ones.
  ///
  /// - Throws: `lineTooLong` where a line, whole or not, has more bytes than the limit.
  mutating func lines(in chunk: ByteBuffer) throws(WatchFailure) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var rest = chunk.readableBytesView
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      try append(rest[..<end])
      if !partial.isEmpty { lines.append(partial) }
      partial = []
      rest = rest[(end + 1)...]
    }
    try append(rest)
    return lines
  }

  private mutating func append(_ bytes: ByteBufferView) throws(WatchFailure) {
    guard partial.count + bytes.count <= limit else { throw .lineTooLong(limit: limit) }
    partial += bytes
  }
}
