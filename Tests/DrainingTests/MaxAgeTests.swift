import Testing

@testable import Draining

@Suite("The jitter")
struct MaxAgeTests {
  /// Cookies as kernels give them: consecutive, or in batches for each CPU.
  private static let series: [(first: UInt64, step: UInt64)] = [(1, 1), (1, 4096), (0x4000_0000_0001, 2)]

  @Test("The ages of 100,000 connections are uniform between the interval less and plus the jitter", arguments: series)
  func uniform(first: UInt64, step: UInt64) {
    let maxAge = MaxAge(interval: .seconds(60), jitterPercent: 10)
    var bins = Array(repeating: 0, count: 100)
    for index in 0..<100_000 as Range<UInt64> {
      let age = maxAge.age(of: first + index * step)
      #expect(age >= .seconds(54) && age < .seconds(66))
      bins[Int((age - .seconds(54)) / .milliseconds(120))] += 1
    }
    // Chi-squared with 99 degrees of freedom: below 61 and above 149 in one of a thousand uniform series each.
    let chiSquared = bins.reduce(0.0) { $0 + Double(($1 - 1000) * ($1 - 1000)) / 1000 }
    #expect(chiSquared > 61 && chiSquared < 149)
  }

  @Test("Neighbours are not alike: the ages of consecutive connections do not correlate")
  func independent() {
    let maxAge = MaxAge(interval: .seconds(2), jitterPercent: 50)
    let deviations = (1...10_000).map { maxAge.age(of: $0) / .seconds(1) - 2 }
    let covariance = zip(deviations, deviations.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / 9_999
    #expect(abs(covariance / (1.0 / 3)) < 0.04)
  }

  @Test("A restart does not shift it: an id has one age for ever")
  func stable() {
    let maxAge = MaxAge(interval: .seconds(1000), jitterPercent: 10)
    let ages = [1, 2, 4711].map { (maxAge.age(of: $0) / .milliseconds(1)).rounded() }
    #expect(ages == [1_013_312, 1_018_238, 1_004_516])
  }

  @Test("Without jitter it is the interval; jitter beyond 100 % is taken for 100 %")
  func bounds() {
    #expect(MaxAge(interval: .seconds(60), jitterPercent: 0).age(of: 7) == .seconds(60))
    #expect(MaxAge(interval: .seconds(60), jitterPercent: -5).age(of: 7) == .seconds(60))
    let most = MaxAge(interval: .seconds(60), jitterPercent: 100).age(of: 7)
    #expect(MaxAge(interval: .seconds(60), jitterPercent: 500).age(of: 7) == most)
  }
}
