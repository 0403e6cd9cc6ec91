import Draining
import Testing

@Suite("After the GOAWAY")
struct GraceTests {
  @Test("Without a grace a drained connection lives as long as its streams")
  func noGrace() {
    var node = Node([connection(1)])
    #expect(node.place(at: .seconds(60)) == [1])
    #expect(node.tick(at: .seconds(100_000)).closures == [])
  }

  @Test("With a grace it is to be closed when that is over, and again each second until it is gone")
  func grace() {
    var node = Node([connection(1)], grace: .seconds(5))
    #expect(node.place(at: .seconds(60)) == [1])
    #expect(node.tick(at: .milliseconds(64_900)).closures == [])
    #expect(node.scheduler.nextWakeUp == .seconds(65))
    #expect(node.tick(at: .seconds(65)).closures == [1])
    #expect(node.tick(at: .milliseconds(65_999)).closures == [])
    #expect(node.tick(at: .seconds(66)).closures == [1])
    node.end(1)
    #expect(node.tick(at: .seconds(67)).ended.map(\.wasClosed) == [true])
  }

  @Test("The grace of a connection that an earlier agent drained goes on")
  func adopted() {
    var node = Node([connection(1, .draining(since: .seconds(60), reason: .manual))], grace: .seconds(5))
    #expect(node.tick(at: .seconds(64)).closures == [])
    #expect(node.tick(at: .seconds(65)).closures == [1])
  }

  @Test("A connection on which the server itself has sent a GOAWAY is never closed")
  func serversOwn() {
    var node = Node([connection(1, .closing)], grace: .seconds(5))
    #expect(node.tick(at: .seconds(100)).closures == [])
  }

  @Test("A drained connection that ends is told to the statistics, once, with its reason and duration")
  func ended() {
    var node = Node([connection(1)])
    #expect(node.place(at: .seconds(60)) == [1])
    #expect(node.tick(at: .seconds(61)).ended == [])
    node.end(1)
    #expect(
      node.tick(at: .milliseconds(62_500)).ended == [
        EndedDrain(
          connection: 1, endpoint: pod(1), reason: .maxAge, duration: .milliseconds(2500), wasClosed: false)
      ])
    #expect(node.tick(at: .seconds(63)).ended == [])
  }

  @Test("A connection that ends before the outcome of its attempt is known is told to the statistics all the same")
  func endedEarly() {
    var node = Node([connection(1)])
    #expect(node.placements(at: .seconds(60)) == [1])
    node.end(1)
    #expect(node.tick(at: .seconds(61)).ended == [])
    node.report(.placed, of: 1)
    #expect(node.tick(at: .seconds(62)).ended.map(\.duration) == [.seconds(1)])
  }

  @Test("A GOAWAY that a snapshot shows settles the attempt; its outcome is then no longer owed")
  func seenBeforeReported() {
    var node = Node(connections(2), pace: 10)
    #expect(node.placements(at: .seconds(100)) == [1])
    node.set(.draining(since: .milliseconds(100_100), reason: .maxAge), of: 1)
    #expect(node.placements(at: .milliseconds(100_200)) == [])
    node.report(.refused, of: 1)
    #expect(node.placements(at: .milliseconds(101_099)) == [])
    #expect(node.placements(at: .milliseconds(101_100)) == [2])
    node.end(1)
    #expect(node.tick(at: .milliseconds(102_100)).ended.map(\.duration) == [.seconds(2)])
  }

  @Test("A connection that ends without a GOAWAY is not the statistics' business")
  func endedUndrained() {
    var node = Node([connection(1), connection(2)])
    #expect(node.request(.connection(1)) == .queued(1))
    node.connections = []
    #expect(node.tick(at: .seconds(2)).ended == [])
  }
}
