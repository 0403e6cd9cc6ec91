import Balancing
import Testing

@testable import Draining

@Suite("Who is drained, and when")
struct RuleTests {
  @Test("A connection is drained once it is older than the interval, not before")
  func maxAge() {
    var node = Node([connection(1, established: .seconds(5))])
    #expect(node.tick(at: .milliseconds(64_999)).placements.isEmpty)
    #expect(node.tick(at: .seconds(65)).placements == [placement(1, .maxAge)])
  }

  @Test("An endpoint without a policy or an interval is not drained for its age")
  func noPolicy() {
    var node = Node(
      [connection(1, at: pod(1)), connection(2, at: pod(2))], policies: [pod(2): .notForAge])
    #expect(node.placements(at: .seconds(100_000)) == [])
    #expect(node.scheduler.nextWakeUp == nil)
  }

  @Test("All connections of a terminating pod are drained at once, whatever their age and the pace")
  func terminating() {
    var node = Node(connections(30), pace: 10, policies: [pod(1): .terminating])
    let placements = node.tick(at: .seconds(1)).placements
    #expect(placements == (1...30).map { placement($0, .endpointTerminating) })
  }

  @Test("A terminating pod is drained also where draining by age is off")
  func terminatingWithoutInterval() {
    var node = Node([connection(1)], policies: [pod(1): DrainPolicy(interval: nil, isTerminating: true)])
    #expect(node.placements(at: .seconds(1)) == [1])
  }

  @Test("A connection without a response is due but stays as it is until its first response has ended")
  func firstResponse() {
    var node = Node([connection(1, responses: 0)])
    #expect(node.placements(at: .seconds(100)) == [])
    #expect(node.scheduler.queued == 1)
    node.connections[0].responses = 1
    #expect(node.placements(at: .seconds(101)) == [1])
  }

  @Test("Without a response not even a terminating pod or an operator gets a GOAWAY placed")
  func firstResponseOfUrgent() {
    var node = Node([connection(1, responses: 0), connection(2, at: pod(2), responses: 0)])
    node.policies[pod(1)] = .terminating
    #expect(node.request(.connection(2)) == .queued(1))
    #expect(node.placements(at: .seconds(1)) == [])
    node.connections[0].responses = 1
    node.connections[1].responses = 1
    #expect(node.placements(at: .seconds(2)) == [1, 2])
  }

  @Test("An attempt whose outcome is not known is not handed out again")
  func outstanding() {
    var node = Node([connection(1)])
    #expect(node.placements(at: .seconds(60)) == [1])
    #expect(node.placements(at: .seconds(61)) == [])
    #expect(node.placements(at: .seconds(600)) == [])
    #expect(node.scheduler.queued == 1)
  }

  @Test("A connection that a snapshot holds twice is handed out once")
  func duplicate() {
    var node = Node([connection(1), connection(1)])
    #expect(node.placements(at: .seconds(60)) == [1])
  }

  @Test("A connection gets one GOAWAY, also while the snapshots do not show it yet")
  func once() {
    var node = Node([connection(1)])
    #expect(node.place(at: .seconds(60)) == [1])
    #expect(node.request(.connection(1)) == .queued(0))
    node.policies[pod(1)] = .terminating
    #expect(node.placements(at: .seconds(61)) == [])
    node.set(.draining(since: .seconds(60), reason: .maxAge), of: 1)
    #expect(node.request(.connection(1)) == .queued(0))
    #expect(node.placements(at: .seconds(62)) == [])
  }

  @Test(
    "After a GOAWAY of the server's own, of an earlier agent's, or on an undrainable connection, none is placed",
    arguments: [
      AcceptedConnection.Condition.closing, .draining(since: .seconds(1), reason: .manual), .undrainable(.opaque),
      .undrainable(.outOfSync), .undrainable(.olderThanAgent),
    ])
  func never(condition: AcceptedConnection.Condition) {
    var node = Node([connection(1, condition)])
    #expect(node.request(.connection(1)) == .queued(0))
    node.policies[pod(1)] = .terminating
    #expect(node.placements(at: .seconds(100)) == [])
    #expect(node.scheduler.queued == 0)
  }

  @Test("Within a pod the oldest is drained first")
  func oldestFirst() {
    var node = Node([1, 3, 2].map { connection($0, established: .seconds(9 - $0)) })
    #expect(node.placements(at: .seconds(100)) == [3, 2, 1])
  }

  @Test("Pods take turns, however old their connections are")
  func turns() {
    let younger = (11...13).map { connection($0, at: pod(2), established: .seconds(20)) }
    var node = Node(connections(3, at: pod(1)) + younger)
    #expect(node.placements(at: .seconds(100)) == [1, 11, 2, 12, 3, 13])
  }

  @Test("Terminating pods come before requests, requests before age")
  func urgency() {
    var node = Node((1...3).map { connection(UInt64($0), at: pod($0)) })
    node.policies[pod(3)] = .terminating
    #expect(node.request(.connection(2)) == .queued(1))
    #expect(
      node.tick(at: .seconds(60)).placements == [
        placement(3, at: pod(3), .endpointTerminating), placement(2, at: pod(2), .manual),
        placement(1, at: pod(1), .maxAge),
      ])
  }

  @Test("A request goes before older connections of the same pod")
  func requestWithinPod() {
    var node = Node(connections(10), pace: 10)
    #expect(node.request(.connection(7)) == .queued(1))
    #expect(node.placements(at: .seconds(100)) == [7])
  }

  @Test("An undrainable connection is not tried again, and does not hold up another")
  func undrainable() {
    var node = Node(connections(2), pace: 10)
    #expect(node.placements(at: .seconds(100)) == [1])
    node.report(.undrainable(.notBorrowable), of: 1)
    #expect(node.scheduler.undrainableReason(of: 1) == .notBorrowable)
    #expect(node.placements(at: .seconds(100)) == [2])
    #expect(node.request(.connection(1)) == .queued(0))
    #expect(node.placements(at: .seconds(200)) == [])
  }

  @Test("A GOAWAY that was not seen to leave is never followed by another, and counts in the pace")
  func unconfirmed() {
    var node = Node(connections(2), pace: 10)
    #expect(node.placements(at: .seconds(100)) == [1])
    node.report(.undrainable(.unconfirmed), of: 1)
    #expect(node.placements(at: .milliseconds(100_999)) == [])
    #expect(node.placements(at: .seconds(101)) == [2])
  }

  @Test("A connection that is reported gone is not tried again while snapshots still hold it")
  func gone() {
    var node = Node([connection(1)])
    #expect(node.placements(at: .seconds(60)) == [1])
    node.report(.gone, of: 1)
    #expect(node.placements(at: .seconds(61)) == [])
    node.end(1)
    #expect(node.tick(at: .seconds(62)).ended == [])
  }

  @Test("An outcome that is not owed changes nothing")
  func notOwed() {
    var node = Node([connection(1)])
    node.report(.placed, of: 1)
    node.report(.placed, of: 99)
    #expect(node.placements(at: .seconds(60)) == [1])
    node.report(.placed, of: 1)
    node.report(.refused, of: 1)
    #expect(node.placements(at: .seconds(120)) == [])
  }

  @Test("No more attempts than the limit are under way; the rest follows when half of them are over")
  func batches() {
    var node = Node(connections(200, from: 1, at: pod(1)) + connections(200, from: 1001, at: pod(2)))
    node.policies = [pod(1): .terminating, pod(2): .terminating]
    let first = node.placements(at: .seconds(1))
    #expect(first.count == 32)
    #expect(first.count { $0 < 1000 } == 16)
    #expect(node.placements(at: .seconds(2)) == [])
    for id in first.prefix(15) { node.report(.placed, of: id) }
    #expect(node.scheduler.nextWakeUp == .milliseconds(3000))
    node.report(.placed, of: first[15])
    #expect(node.scheduler.nextWakeUp == .seconds(2))
    #expect(node.placements(at: .seconds(2)).count == 16)
  }

  @Test("Where there is room for one of many pods only, each has its turn")
  func fairness() {
    var node = Node((1...60).map { connection(UInt64($0), at: pod($0)) })
    var seen = Set(node.placements(at: .milliseconds(60_000)))
    var oldest = seen.sorted()[...]
    // One attempt at a time fails, so that one slot is free: it goes to a pod that had none yet, not to the same again.
    for step in 1...28 {
      guard let id = oldest.popFirst() else { break }
      node.report(.refused, of: id)
      let next = node.placements(at: .milliseconds(60_000 + step * 10))
      #expect(next.count == 1)
      seen.formUnion(next)
    }
    #expect(seen.count == 60)
  }

  @Test("Connections for which nothing has happened take no memory; those that have ended are forgotten")
  func memory() {
    var node = Node(connections(1000))
    #expect(node.placements(at: .seconds(30)) == [])
    #expect(node.scheduler.rememberedConnections == 0)
    #expect(node.request(.connection(1)) == .queued(1))
    #expect(node.place(at: .seconds(31)) == [1])
    #expect(node.scheduler.rememberedConnections == 1)
    node.end(1)
    _ = node.tick(at: .seconds(32))
    #expect(node.scheduler.rememberedConnections == 0)
  }
}
