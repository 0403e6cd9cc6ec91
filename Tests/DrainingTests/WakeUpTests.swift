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

  @Test("An agent that sleeps until then, and looks as seldom as it may, places as soon as one that looks every 10 ms")
  func sleeping() {
    // The young ones are not drained: with them the pace is never reached.
    let young = (5001...5400).map { connection($0, at: pod(1 + Int($0 % 2)), established: .seconds(50)) }
    let all = connections(200) + connections(50, from: 1001, at: pod(2)) + young
    let busy = Run(of: all, for: .seconds(100), isBusy: true)
    let sleeping = Run(of: all, for: .seconds(100), isBusy: false)
    #expect(busy.times.count == 250)
    #expect(sleeping.times.count == 250)
    #expect(
      sleeping.times.allSatisfy { id, time in busy.times[id].map { time <= $0 + .milliseconds(100) } ?? false })
    #expect(sleeping.ticks < 400)
    #expect(sleeping.looks < 60)
  }
}

/// The run of an agent whose every third attempt is refused.
private struct Run {
  /// When each connection got its GOAWAY.
  private(set) var times: [UInt64: Duration] = [:]
  private(set) var ticks = 0
  private(set) var looks = 0

  /// - Parameter isBusy: It ticks every 10 ms and looks each time; otherwise when the scheduler wants it.
  init(of connections: [AcceptedConnection], for length: Duration, isBusy: Bool) {
    var node = Node(connections, jitter: 10)
    var attempts: [UInt64: Int] = [:]
    var now: Duration? = .zero
    while let time = now, time < length {
      ticks += 1
      let isLookDue = node.seen == nil || node.scheduler.nextLook.map { $0 <= time } ?? false
      if isBusy || isLookDue { looks += 1 }
      let orders = isBusy || isLookDue ? node.tick(at: time) : node.tickAgain(at: time)
      for id in orders.placements.map(\.connection) {
        attempts[id, default: 0] += 1
        let isRefused = id % 3 == 0 && attempts[id] == 1
        node.report(isRefused ? .refused : .placed, of: id)
        if !isRefused {
          node.set(.draining(since: time, reason: .maxAge), of: id)
          times[id] = time
        }
      }
      now = isBusy ? time + .milliseconds(10) : node.scheduler.nextWakeUp.map { max($0, time) }
    }
  }
}
