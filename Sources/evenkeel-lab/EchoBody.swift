import Crypto
import Synchronization

/// What `Body` returns: a part of a pattern that is repeated for ever. Its length fits no frame, page or buffer, so
/// what is lost, swapped or comes twice shows.
enum EchoBody {
  struct Request: Codable, Sendable {
    var bytes: Int
    var seed: UInt64
  }

  /// Clients ask for one of so many patterns, which are kept.
  static let seeds: UInt64 = 16

  private static let blocks: UInt64 = 2047  // of 32 bytes each: 65,504 bytes

  private static let patterns = Mutex<[UInt64: [UInt8]]>([:])

  static func bytes(_ request: Request) -> [UInt8] {
    let pattern = pattern(seed: request.seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(request.bytes + pattern.count)
    while bytes.count < request.bytes { bytes += pattern }
    bytes.removeLast(bytes.count - request.bytes)
    return bytes
  }

  /// SHA-256(seed ‖ 0) ‖ SHA-256(seed ‖ 1) ‖ …, all numbers as 8 bytes, big-endian.
  private static func pattern(seed: UInt64) -> [UInt8] {
    patterns.withLock { patterns in
      if let pattern = patterns[seed] { return pattern }
      let pattern = (0..<blocks).flatMap { block in SHA256.hash(data: bigEndian(seed) + bigEndian(block)) }
      if seed < seeds { patterns[seed] = pattern }
      return pattern
    }
  }

  private static func bigEndian(_ number: UInt64) -> [UInt8] {
    stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
  }
}
