import Draining
import Testing

@Suite("A whole interval in virtual time")
struct EndToEndTests {
  @Test(
    "1,000 connections opened at once: each is drained exactly once, none too early, at the pace", arguments: [0, 10])
  func thousand(jitter: Double) throws {
    let all = (1...1000).map { connection($0) }
    var node = Node(all, jitter: jitter, pace: 10)
    var referee = Referee(settings: node.scheduler.settings)
    var now = Duration.zero
    while now < .seconds(200) {
      let orders = node.tick(at: now)
      referee.check(orders, of: node.connections, node.policies, at: now)
      for placement in orders.placements {
        // One at a time, each in a fraction of a millisecond.
        node.now += .microseconds(300)
        referee.reports(.placed, of: placement.connection, at: node.now)
        node.report(.placed, of: placement.connection)
        node.set(.draining(since: node.now, reason: placement.reason), of: placement.connection)
      }
      now = max(node.now + .milliseconds(1), node.scheduler.nextWakeUp ?? .seconds(200))
    }
    referee.checkWindows()
    #expect(referee.violations == [])
    let times = referee.placed.values.map(\.time).sorted()
    #expect(times.count == 1000)
    #expect(try #require(times.first) >= .seconds(60) * (1 - jitter / 100))
    // 100 in a second at first; then ever fewer, and one a second in the end.
    #expect(try #require(times.last) < .seconds(130))
    #expect(busiestSecond(times) <= 100)
  }

  private func busiestSecond(_ times: [Duration]) -> Int {
    times.indices.map { index in times[index...].prefix { $0 < times[index] + .seconds(1) }.count }.max() ?? 0
  }
}
