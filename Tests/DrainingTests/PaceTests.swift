import Draining
import Testing

@Suite("The pace")
struct PaceTests {
  @Test("A pod gets no more than the percentage of its open connections, rounded down, at a time")
  func percentage() {
    var node = Node(connections(39), pace: 10)
    #expect(node.placements(at: .seconds(100)) == [1, 2, 3])
  }

  @Test("A pod with few connections gets one at a time", arguments: [1, 5, 10])
  func atLeastOne(count: Int) {
    var node = Node(connections(count), pace: 10)
    #expect(node.placements(at: .seconds(100)) == [1])
  }

  @Test("The window slides: room comes back one second after each GOAWAY, not at a tick of the clock")
  func sliding() {
    var node = Node(connections(20), pace: 10)
    #expect(node.placements(at: .milliseconds(100_900)) == [1, 2])
    node.report(.placed, of: 1)
    node.report(.placed, of: 2, after: .milliseconds(300))
    // 18 are open now: room for one.
    #expect(node.placements(at: .milliseconds(101_899)) == [])
    #expect(node.placements(at: .milliseconds(102_199)) == [])
    #expect(node.placements(at: .milliseconds(102_200)) == [3])
  }

  @Test("An attempt counts until its outcome is known, however long that takes")
  func slowAttempt() {
    var node = Node(connections(2), pace: 10)
    #expect(node.placements(at: .seconds(100)) == [1])
    #expect(node.placements(at: .seconds(105)) == [])
    node.report(.placed, of: 1)
    #expect(node.placements(at: .milliseconds(105_999)) == [])
    #expect(node.placements(at: .seconds(106)) == [2])
  }

  @Test("What was refused leaves its room to the next at once")
  func refused() {
    var node = Node(connections(2), pace: 10)
    #expect(node.placements(at: .seconds(100)) == [1])
    node.report(.busy, of: 1)
    #expect(node.scheduler.nextWakeUp == .milliseconds(100_050))
    #expect(node.placements(at: .milliseconds(100_001)) == [2])
  }

  @Test("Requests keep the pace as well")
  func manual() {
    var node = Node(connections(20), pace: 10)
    #expect(node.request(.endpoint(pod(1))) == .queued(20))
    #expect(node.placements(at: .seconds(1)) == [1, 2])
  }

  @Test("Pods do not share a pace")
  func perPod() {
    var node = Node(connections(20, at: pod(1)) + connections(10, from: 101, at: pod(2)), pace: 10)
    #expect(node.placements(at: .seconds(100)) == [1, 101, 2])
  }

  @Test("Only open connections count: neither draining nor undrainable ones")
  func openOnly() {
    var node = Node(
      connections(10) + (100..<200).map { connection($0, .draining(since: .seconds(1), reason: .maxAge)) }
        + (200..<300).map { connection($0, .undrainable(.opaque)) } + (300..<400).map { connection($0, .closing) },
      pace: 20)
    #expect(node.placements(at: .seconds(100)) == [1, 2])
  }

  @Test("Drained connections that live on do not hold up the others")
  func longStreams() {
    var node = Node(connections(10), pace: 10)
    let placed = (0..<10).flatMap { second in node.place(at: .seconds(100 + second)) }
    #expect(placed == Array(1...10))
  }

  @Test("A new agent counts what the one before it placed within the last second, and nothing older")
  func adopted() {
    let drained = (8...9).map { id in
      connection(id, .draining(since: .milliseconds(id == 8 ? 99_000 : 99_500), reason: .maxAge))
    }
    var node = Node(connections(2) + drained, pace: 10)
    #expect(node.placements(at: .seconds(100)) == [])
    #expect(node.scheduler.nextWakeUp == .milliseconds(100_500))
    #expect(node.placements(at: .milliseconds(100_500)) == [1])
  }
}
