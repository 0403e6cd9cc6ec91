import Draining
import Testing

@Suite("Refused attempts")
struct BackOffTests {
  @Test(
    "The pause doubles with each refusal, from 50 ms up to a second",
    arguments: [.refused, .busy] as [PlacementOutcome])
  func doubling(outcome: PlacementOutcome) {
    var node = Node([connection(1)])
    var now = Duration.seconds(100)
    for pause in [50, 100, 200, 400, 800, 1000, 1000] {
      #expect(node.placements(at: now) == [1])
      node.report(outcome, of: 1)
      #expect(node.placements(at: now + .milliseconds(pause - 1)) == [])
      now += .milliseconds(pause)
    }
  }

  @Test("A connection that never pauses does not starve the others of its pod")
  func noStarvation() {
    var node = Node(connections(10), pace: 10)
    var placed: [UInt64] = []
    for step in 0..<300 {
      for id in node.placements(at: .seconds(100) + .milliseconds(step * 50)) {
        node.report(id == 1 ? .busy : .placed, of: id)
        if id != 1 { placed.append(id) }
      }
    }
    #expect(placed == Array(2...10))
  }

  @Test("A request made while a connection is refused for its age is remembered")
  func requestDuringAttempt() {
    var node = Node([connection(1)])
    #expect(node.placements(at: .seconds(60)) == [1])
    #expect(node.request(.connection(1)) == .queued(1))
    node.report(.refused, of: 1)
    #expect(node.tick(at: .seconds(61)).placements == [placement(1, .manual)])
  }
}
