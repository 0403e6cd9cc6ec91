/// The frame that asks an HTTP/2 client to take its next streams elsewhere (RFC 9113 §6.8).
public enum Goaway {
  /// The bytes of a GOAWAY that ends nothing: the last stream identifier is the highest there can be, so that whatever
  /// is on its way is answered; the error code is NO_ERROR.
  ///
  /// `debugData` is for people who look at captures and clients' logs.
  public static func frame(debugData: String) -> [UInt8] {
    let payload = bigEndian(lastStreamID) + bigEndian(noError) + Array(debugData.utf8)
    let length = Array(bigEndian(UInt32(payload.count))[1...])
    return length + [type, flags] + bigEndian(stream) + payload
  }

  private static let type: UInt8 = 7
  private static let flags: UInt8 = 0
  private static let stream: UInt32 = 0  // the connection
  private static let lastStreamID: UInt32 = 0x7fff_ffff
  private static let noError: UInt32 = 0

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
  }
}
