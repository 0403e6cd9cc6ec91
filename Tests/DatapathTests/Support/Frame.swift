/// HTTP/2 frames as servers send them (RFC 9113 §6).
enum Frame {
  static let settings = make(type: 4)
  static let settingsAck = make(type: 4, flags: 1)
  static let ping = make(type: 6, payload: [1, 2, 3, 4, 5, 6, 7, 8])
  /// The last stream is 1.
  static let goaway = make(type: 7, payload: [0, 0, 0, 1, 0, 0, 0, 0])
  /// What every server sends first.
  static let greeting = settings + settingsAck

  /// A response that is complete: `:status: 200`, and no body.
  static func response(stream: UInt8 = 1) -> [UInt8] { headers(stream: stream, endStream: true) }

  static func headers(stream: UInt8 = 1, endHeaders: Bool = true, endStream: Bool = false) -> [UInt8] {
    make(type: 1, flags: (endHeaders ? 4 : 0) | (endStream ? 1 : 0), stream: stream, payload: [0x88])
  }

  /// The rest of a header block.
  static func continuation(stream: UInt8 = 1) -> [UInt8] { make(type: 9, flags: 4, stream: stream) }

  static func data(_ payload: [UInt8], stream: UInt8 = 1, endStream: Bool = true) -> [UInt8] {
    make(type: 0, flags: endStream ? 1 : 0, stream: stream, payload: payload)
  }

  private static func make(type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, payload: [UInt8] = []) -> [UInt8] {
    let length = [16, 8, 0].map { UInt8(truncatingIfNeeded: payload.count >> $0) }
    return length + [type, flags, 0, 0, 0, stream] + payload
  }
}
