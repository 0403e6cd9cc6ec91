internal import Glibc

/// The same numbers on every run (splitmix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
/// 2014).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }

  /// Uniform from 0 to 1, never 0.
  mutating func fraction() -> Double { (Double(next() >> 11) + 1) * 0x1p-53 }

  /// Of the standard normal distribution (Box and Muller 1958).
  mutating func normal() -> Double { (-2 * log(fraction())).squareRoot() * cos(2 * .pi * fraction()) }

  /// Of the exponential distribution: how much of a thing is left that ends at a constant rate.
  mutating func duration(mean: Duration) -> Duration { mean * -log(fraction()) }

  /// Uniform, up to `longest`.
  mutating func duration(upTo longest: Duration) -> Duration { longest * fraction() }
}
