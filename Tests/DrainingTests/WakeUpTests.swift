import Draining
import Testing

@Suite("The next wake-up")
struct WakeUpTests {
  @Test("Nothing in sight: there is none")
  func none() {
    var node = Node([])
    #expect(node.scheduler.nextWakeUp == nil)
    _ = node.tick(at: .seconds(1))
    #expect(node.scheduler.nextWakeUp == nil)
  }

  @Test("It is when the first connection becomes too old")
  func maxAge() {
    var node = Node([connection(1, established: .seconds(9)), connection(2, established: .seconds(4))])
    _ = node.tick(at: .seconds(10))
    #expect(node.scheduler.nextWakeUp == .seconds(64))
  }

  @Test("A request is due at once; one that queues nothing changes nothing")
  func request() {
    var node = Node(connections(2))
    _ = node.tick(at: .seconds(10))
    #expect(node.request(.connection(9)) == .unknown)
    #expect(node.scheduler.nextWakeUp == .seconds(60))
    #expect(node.request(.connection(1)) == .queued(1))
    #expect(node.scheduler.nextWakeUp == .seconds(10))
  }

  @Test("After a refusal it is the end of the pause")
  func refusal() {
    var node = Node([connection(1)])
    #expect(node.placements(at: .seconds(60)) == [1])
    #expect(node.scheduler.nextWakeUp == nil)
    node.report(.refused, of: 1, after: .milliseconds(10))
    #expect(node.scheduler.nextWakeUp == .milliseconds(60_060))
    #expect(node.placements(at: .milliseconds(60_010)) == [])
    #expect(node.scheduler.nextWakeUp == .milliseconds(60_060))
  }

  @Test("Where the pace is exhausted it is when room comes back")
  func pace() {
    var node = Node([connection(1), connection(2)], pace: 10)
    #expect(node.place(at: .seconds(60)) == [1])
    #expect(node.scheduler.nextWakeUp == .seconds(61))
    #expect(node.placements(at: .milliseconds(60_300)) == [])
    #expect(node.scheduler.nextWakeUp == .seconds(61))
  }

  @Test("A first response is waited for with a look each second, or each 100 ms where somebody waits")
  func firstResponse() {
    var node = Node([connection(1, responses: 0)])
    _ = node.tick(at: .seconds(60))
    #expect(node.scheduler.nextWakeUp == .seconds(61))
    node.policies[pod(1)] = .terminating
    _ = node.tick(at: .seconds(61))
    #expect(node.scheduler.nextWakeUp == .milliseconds(61_100))
  }

  @Test("While a connection drains, its end is looked for each second, and the end of its grace on time")
  func draining() {
    var node = Node([connection(1)], grace: .milliseconds(300))
    #expect(node.place(at: .seconds(60)) == [1])
    #expect(node.scheduler.nextWakeUp == .milliseconds(60_300))
    _ = node.tick(at: .milliseconds(60_300))
    #expect(node.scheduler.nextWakeUp == .milliseconds(61_300))
  }

  @Test("What becomes due shortly after a tick is gathered, so that ticks are 50 ms apart at least")
  func gathered() {
    var node = Node(connections(30))
    #expect(node.placements(at: .seconds(60)) == [1])
    #expect(node.scheduler.nextWakeUp == .milliseconds(60_050))
    node.report(.placed, of: 1)
    #expect(node.placements(at: .milliseconds(60_050)).count == 28, "and one counts in the pace")
  }

  @Test("An agent that sleeps until then places as soon as one that ticks every 10 ms, with few ticks")
  func sleeping() {
    // The young ones are not drained: with them the pace is never reached.
    let young = (5001...5400).map { connection($0, at: pod(1 + Int($0 % 2)), established: .seconds(50)) }
    let all = connections(200) + connections(50, from: 1001, at: pod(2)) + young
    let busy = placements(of: all) { now, _ in now + .milliseconds(10) }
    let sleeping = placements(of: all) { now, wakeUp in wakeUp.map { max($0, now) } }
    #expect(busy.times.count == 250)
    #expect(sleeping.times.count == 250)
    #expect(
      sleeping.times.allSatisfy { id, time in busy.times[id].map { time <= $0 + .milliseconds(100) } ?? false })
    #expect(sleeping.ticks < 400)
  }

  /// Lets an agent run for 100 s whose every third attempt is refused.
  private func placements(
    of connections: [AcceptedConnection], next: (Duration, Duration?) -> Duration?
  ) -> (times: [UInt64: Duration], ticks: Int) {
    var node = Node(connections, jitter: 10)
    var times: [UInt64: Duration] = [:]
    var (ticks, attempts) = (0, [:] as [UInt64: Int])
    var now: Duration? = .zero
    while let time = now, time < .seconds(100) {
      ticks += 1
      for id in node.placements(at: time) {
        attempts[id, default: 0] += 1
        let isRefused = id % 3 == 0 && attempts[id] == 1
        node.report(isRefused ? .refused : .placed, of: id)
        if !isRefused { times[id] = time }
      }
      now = next(time, node.scheduler.nextWakeUp)
    }
    return (times, ticks)
  }
}
