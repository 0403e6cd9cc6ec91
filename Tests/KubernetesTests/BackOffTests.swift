import Testing

@testable import Kubernetes

@Suite("Backing off")
struct BackOffTests {
  /// The longest waits of failures, one right after the other.
  private func waits(_ count: Int, of backOff: inout BackOff) -> [Duration] {
    (0..<count).map { _ in backOff.failed(at: .zero, fraction: 1) }
  }

  @Test("the bound of the wait begins at 800 ms, doubles, and ends at 30 s")
  func doubling() {
    var backOff = BackOff()
    #expect(
      waits(8, of: &backOff)
        == [800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000].map { Duration.milliseconds($0) })
  }

  @Test("the wait is anything from nothing to its bound: full jitter", arguments: [0, 0.25, 1])
  func jitter(fraction: Double) {
    var backOff = BackOff()
    #expect(backOff.failed(at: .zero, fraction: fraction) == .milliseconds(800) * fraction)
    #expect(backOff.failed(at: .zero, fraction: fraction) == .milliseconds(1_600) * fraction)
  }

  @Test(
    "two minutes of health make the next failure the first again; less does not", arguments: [(120, 800), (119, 3_200)])
  func reset(seconds: Int, bound: Int) {
    var backOff = BackOff()
    _ = waits(2, of: &backOff)
    backOff.succeeded(at: .seconds(10))
    backOff.succeeded(at: .seconds(100))
    #expect(backOff.failed(at: .seconds(10 + seconds), fraction: 1) == .milliseconds(bound))
  }

  @Test("failing slowly is no health")
  func slowFailures() {
    var backOff = BackOff()
    _ = backOff.failed(at: .zero, fraction: 1)
    #expect(backOff.failed(at: .seconds(600), fraction: 1) == .milliseconds(1_600))
  }

  @Test("what the server asks for is added to the wait, up to five minutes")
  func retryAfter() {
    var backOff = BackOff()
    #expect(backOff.failed(at: .zero, retryAfter: .seconds(7), fraction: 0) == .seconds(7))
    #expect(backOff.failed(at: .zero, retryAfter: .seconds(7), fraction: 1) == .milliseconds(8_600))
    #expect(backOff.failed(at: .zero, retryAfter: .seconds(86_400), fraction: 0) == .seconds(300))
  }
}
