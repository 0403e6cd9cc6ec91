import Balancing
import Testing

@testable import Datapath

@Suite("Changes of tables that are still to be made")
struct WriteQueueTests {
  @Test("are taken in the order in which they came, so many at most")
  func order() throws {
    var queue = WriteQueue()
    queue.add(try (1...5).map { try write($0) }, seen: .seconds(1))
    #expect(try queue.take(2) == [write(1), write(2)])
    #expect(try queue.take(9) == [write(3), write(4), write(5)])
    #expect(queue.take(9) == [])
  }

  @Test("at one address the last counts, in the place of the first")
  func replaced() throws {
    var queue = WriteQueue()
    queue.add([try write(1), try write(2)], seen: .seconds(1))
    queue.add([try write(1, entries: 7)], seen: .seconds(2))
    #expect(try queue.take(9) == [write(1, entries: 7), write(2)])
  }

  @Test("at one address are made one after the other, and nobody else waits for that")
  func sameAddress() throws {
    var queue = WriteQueue()
    queue.add([try write(1)], seen: .seconds(1))
    let first = queue.take(9)
    queue.add([try write(1, entries: 7), try write(2)], seen: .seconds(2))
    #expect(try queue.take(9) == [write(2)])
    #expect(queue.take(9) == [])
    _ = queue.end(first)
    #expect(try queue.take(9) == [write(1, entries: 7)])
  }

  @Test("an input is settled once all of its changes are made, those too that others have replaced")
  func settled() throws {
    var queue = WriteQueue()
    queue.add([try write(1), try write(2)], seen: .seconds(1))
    let first = queue.take(1)
    queue.add([try write(2, entries: 7)], seen: .seconds(2))
    #expect(queue.end(first) == [])
    let second = queue.take(9)
    #expect(second.count == 1)
    #expect(queue.end(second) == [.seconds(1), .seconds(2)])
  }

  private func write(_ number: Int, entries: Int = 1) throws -> TableWrite {
    TableWrite(
      address: try #require(SocketAddress("10.96.0.\(number):80")),
      entries: Array(repeating: TableEntry(), count: entries))
  }
}
