/// Numbers that look random and are not: a restarted agent, and a simulation, come to the same ones.
enum Scatter {
  /// What the number is scattered for. One purpose says nothing of the other: connections that got old because of the
  /// one are not alike in the other.
  enum Purpose {
    case age, rebalance
  }

  /// A fraction in 0..<1, uniform over any set of numbers.
  static func fraction(of number: UInt64, for purpose: Purpose) -> Double {
    let bits =
      switch purpose {
      case .age: mixed(number)
      case .rebalance: mixed(mixed(number))
      }
    // The upper 53 bits are a fraction without rounding.
    return Double(bits >> 11) * 0x1p-53
  }

  /// A bijection in which every bit of the input changes each bit of the output with a probability of one half
  /// (splitmix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014). Cookies are small
  /// consecutive numbers, which a weaker hash would leave in order.
  private static func mixed(_ number: UInt64) -> UInt64 {
    var bits = number &+ 0x9e37_79b9_7f4a_7c15
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }
}
