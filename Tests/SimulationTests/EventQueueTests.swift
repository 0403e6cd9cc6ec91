import Testing

@testable import Simulation

@Suite("The queue of events")
struct EventQueueTests {
  @Test("Events come in the order of their times, and those of one time in the order in which they were announced")
  func order() {
    var (queue, random) = (EventQueue<Int>(), SeededGenerator(seed: 1))
    let times = (0..<1000).map { _ in Duration.milliseconds(Int.random(in: 0..<100, using: &random)) }
    for (number, time) in times.enumerated() { queue.add(number, at: time) }
    var seen: [Int] = []
    while let (event, time) = queue.next(by: .seconds(1)) {
      #expect(time == times[event])
      seen.append(event)
    }
    #expect(seen == times.indices.sorted { (times[$0], $0) < (times[$1], $1) })
  }

  @Test("What is not due yet stays")
  func due() {
    var queue = EventQueue<String>()
    queue.add("later", at: .seconds(2))
    #expect(queue.next(by: .seconds(1)) == nil)
    queue.add("sooner", at: .seconds(1))
    #expect(queue.next(by: .seconds(1))?.event == "sooner")
    #expect(queue.next(by: .seconds(1)) == nil)
    #expect(queue.next(by: .seconds(2))?.event == "later")
    #expect(queue.next(by: .seconds(9)) == nil)
  }
}
