/// An HTTP/2 frame as it goes over the wire (RFC 9113 §4.1); the numbers are the RFC's.
struct Frame: Equatable {
  var type: UInt8
  var flags: UInt8 = 0
  var stream: UInt32 = 0
  var payload: [UInt8] = []

  static let endStream: UInt8 = 0x1
  static let endHeaders: UInt8 = 0x4
  static let padded: UInt8 = 0x8
  static let priority: UInt8 = 0x20

  var bytes: [UInt8] { Frame.header(length: payload.count, type: type, flags: flags, stream: stream) + payload }

  /// The nine bytes before the payload.
  static func header(length: Int, type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0) -> [UInt8] {
    let length = [16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
    let stream = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: stream >> $0) }
    return length + [type, flags] + stream
  }
}

extension Frame {
  /// INITIAL_WINDOW_SIZE, as often as asked for.
  static func settings(_ count: Int = 1) -> Frame {
    Frame(type: 0x4, payload: Array([[UInt8]](repeating: [0, 4, 0, 1, 0, 0], count: count).joined()))
  }

  static let settingsAck = Frame(type: 0x4, flags: 0x1)
  static let ping = Frame(type: 0x6, payload: zeros(8))

  static func data(_ length: Int, flags: UInt8 = 0, stream: UInt32 = 1) -> Frame {
    Frame(type: 0x0, flags: flags, stream: stream, payload: zeros(length))
  }

  static func headers(_ length: Int = 1, flags: UInt8 = endHeaders, stream: UInt32 = 1) -> Frame {
    Frame(type: 0x1, flags: flags, stream: stream, payload: zeros(length))
  }

  static func pushPromise(_ length: Int = 5, flags: UInt8 = endHeaders, stream: UInt32 = 1) -> Frame {
    Frame(type: 0x5, flags: flags, stream: stream, payload: zeros(length))
  }

  static func continuation(_ length: Int = 1, flags: UInt8 = 0, stream: UInt32 = 1) -> Frame {
    Frame(type: 0x9, flags: flags, stream: stream, payload: zeros(length))
  }

  static func goaway(debugData: String = "") -> Frame {
    Frame(type: 0x7, payload: [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0] + Array(debugData.utf8))
  }

  /// What a server has said when its first response has ended.
  static let served: [UInt8] =
    settings().bytes + settingsAck.bytes + headers().bytes + data(3, flags: endStream).bytes

  private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
