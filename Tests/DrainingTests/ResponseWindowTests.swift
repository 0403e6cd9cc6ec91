import Balancing
import Draining
import Testing

@Suite("Imbalance")
struct ResponseWindowTests {
  /// A window with a sample each second from 0 on: the counters of pods 1, 2 and so on; nil: not there.
  private func window(_ samples: [[UInt64?]]) -> ResponseWindow {
    var window = ResponseWindow()
    for (second, counters) in samples.enumerated() { window.add(sample(counters), at: .seconds(second)) }
    return window
  }

  private func sample(_ counters: [UInt64?]) -> [SocketAddress: UInt64] {
    let known = counters.enumerated().compactMap { index, count in count.map { (pod(index + 1), $0) } }
    return Dictionary(uniqueKeysWithValues: known)
  }

  @Test("It is the busiest endpoint's responses over the mean")
  func ratio() {
    #expect(window([[0, 0], [10, 10]]).imbalance(of: [pod(1), pod(2)]) == 1)
    #expect(window([[0, 0], [30, 10]]).imbalance(of: [pod(1), pod(2)]) == 1.5)
    #expect(window([[0, 0, 0], [30, 0, 0]]).imbalance(of: [pod(1), pod(2), pod(3)]) == 3)
  }

  @Test("Only the endpoints that are asked about count: not those that are not ready")
  func subset() {
    #expect(window([[0, 0, 0], [30, 10, 99]]).imbalance(of: [pod(1), pod(2)]) == 1.5)
  }

  @Test("Without traffic, endpoints or a second sample there is none")
  func none() {
    let quiet = window([[7, 7], [7, 7]])
    #expect(quiet.imbalance(of: [pod(1), pod(2)]) == nil)
    #expect(quiet.imbalance(of: []) == nil)
    #expect(window([[7, 9]]).imbalance(of: [pod(1), pod(2)]) == nil)
    #expect(ResponseWindow().imbalance(of: [pod(1)]) == nil)
  }

  @Test("What was counted before the first sample does not count")
  func baseline() {
    #expect(window([[1_000_000, 0], [1_000_010, 10]]).imbalance(of: [pod(1), pod(2)]) == 1)
  }

  @Test("Traffic of more than ten seconds ago is forgotten")
  func slides() throws {
    var window = window([[0, 0], [1000, 0]])
    for second in 2...10 as ClosedRange<UInt64> { window.add(sample([1000 + second, second]), at: .seconds(second)) }
    #expect(try #require(window.imbalance(of: [pod(1), pod(2)])) > 1.9)
    window.add(sample([1011, 11]), at: .seconds(11))
    #expect(window.imbalance(of: [pod(1), pod(2)]) == 1)
  }

  @Test("Frequent samples give the same as rare ones")
  func frequent() {
    var window = ResponseWindow()
    for tick in 0...200 as ClosedRange<UInt64> {
      window.add(sample([tick * 3, tick]), at: .milliseconds(tick * 100))
    }
    #expect(window.imbalance(of: [pod(1), pod(2)]) == 1.5)
  }

  @Test("A counter that restarts counts from zero")
  func restart() {
    #expect(window([[500, 0], [510, 20], [10, 20]]).imbalance(of: [pod(1), pod(2)]) == 1)
  }

  @Test("An endpoint that appears counts from its first sample on")
  func appears() {
    #expect(window([[0], [10, 5000], [20, 5020]]).imbalance(of: [pod(1), pod(2)]) == 1)
  }

  @Test("An endpoint that disappears and comes back is not charged for its absence")
  func comesBack() {
    #expect(window([[0, 0], [10, 10], [20, nil], [30, 9000], [40, 9030]]).imbalance(of: [pod(1), pod(2)]) == 1)
  }

  @Test("An endpoint without any sample is idle")
  func unknownEndpoint() {
    #expect(window([[0], [10]]).imbalance(of: [pod(1), pod(9)]) == 2)
  }
}
