/// The age at which each connection of an endpoint is drained: the interval, give or take the jitter.
///
/// The jitter comes from the connection's id, so that a restarted agent arrives at the same time. It is uniform, so that
/// connections that were opened together do not end together.
struct MaxAge: Sendable {
  private let least: Duration
  private let width: Duration

  init(interval: Duration, jitterPercent: Double) {
    let jitter = min(max(jitterPercent, 0), 100) / 100
    least = interval * (1 - jitter)
    width = interval * (2 * jitter)
  }

  func age(of connection: UInt64) -> Duration {
    // The upper 53 bits are a fraction in 0..<1 without rounding.
    least + width * (Double(Self.mixed(connection) >> 11) * 0x1p-53)
  }

  /// A bijection in which every bit of the input changes each bit of the output with a probability of one half
  /// (splitmix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014). Cookies are small
  /// consecutive numbers, which a weaker hash would leave in order.
  static func mixed(_ number: UInt64) -> UInt64 {
    var bits = number &+ 0x9e37_79b9_7f4a_7c15
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }
}
