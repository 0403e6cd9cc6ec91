import Balancing
import Draining
import Testing

@Suite("When to look anew")
struct LookTests {
  @Test("What the last snapshot has shown is enough to drain by age")
  func age() {
    var node = Node([connection(1, established: .seconds(9)), connection(2, established: .seconds(4))])
    _ = node.tick(at: .seconds(10))
    #expect(node.scheduler.nextLook == nil)
    #expect(node.tickAgain(at: .seconds(64)).placements == [placement(2, .maxAge)])
  }

  @Test("A snapshot that does not show a GOAWAY yet brings no second one, nor any after what was given up")
  func once() {
    var node = Node(connections(3))
    #expect(node.placements(at: .seconds(61)) == [1, 2, 3])
    node.report(.placed, of: 1)
    node.report(.undrainable(.outOfSync), of: 2)
    node.report(.gone, of: 3)
    #expect(node.tickAgain(at: .milliseconds(61_500)).placements == [])
    #expect(node.tickAgain(at: .milliseconds(62_500)).placements == [])
    #expect(node.scheduler.undrainableReason(of: 2) == .outOfSync)
  }

  @Test("The end of a draining connection is looked for a second after the last look, however often there was a tick")
  func draining() {
    var node = Node([connection(1), connection(2, established: .seconds(1))])
    #expect(node.place(at: .seconds(60)) == [1])
    #expect(node.scheduler.nextLook == .seconds(61))
    _ = node.tickAgain(at: .milliseconds(60_400))
    #expect(node.scheduler.nextLook == .seconds(61))
    node.set(.draining(since: .seconds(60), reason: .maxAge), of: 1)
    #expect(node.tick(at: .seconds(61)).ended == [])
    #expect(node.scheduler.nextLook == .seconds(62))
    node.end(1)
    #expect(node.tickAgain(at: .milliseconds(61_500)).ended == [])
    #expect(node.tick(at: .seconds(62)).ended.map(\.connection) == [1])
  }

  @Test("So is a first response; 100 ms after it where somebody waits")
  func firstResponse() {
    var node = Node([connection(1, responses: 0)])
    _ = node.tick(at: .seconds(60))
    #expect(node.scheduler.nextLook == .seconds(61))
    node.policies[pod(1)] = .terminating
    _ = node.tickAgain(at: .milliseconds(60_050))
    #expect(node.scheduler.nextLook == .milliseconds(60_100))
    node.connections[0].responses = 1
    #expect(node.placements(at: .milliseconds(60_100)) == [1])
  }

  @Test("Nobody is closed who may be gone already: the end of a grace is looked at")
  func grace() {
    var node = Node([connection(1)], grace: .milliseconds(300))
    #expect(node.place(at: .seconds(60)) == [1])
    #expect(node.scheduler.nextLook == .milliseconds(60_300))
    node.end(1)
    let orders = node.tick(at: .milliseconds(60_300))
    #expect(orders.closures == [])
    #expect(orders.ended.map(\.wasClosed) == [false])
  }

  @Test("With very many connections, neither ticks nor looks come as often as with few")
  func many() {
    var node = Node(connections(60_000))
    #expect(node.place(at: .seconds(60)) == [1])
    #expect(node.scheduler.nextWakeUp == .milliseconds(60_120))
    _ = node.tickAgain(at: .milliseconds(60_120))
    #expect(node.scheduler.nextWakeUp == .milliseconds(60_240))
    #expect(node.scheduler.nextLook == .milliseconds(61_200))
  }
}
