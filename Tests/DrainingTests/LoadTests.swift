import Testing

@testable import Draining

@Suite("Load")
struct LoadTests {
  @Test("Below one response per second it is nothing; each step above doubles")
  func magnitude() {
    func magnitude(_ responses: UInt64) -> Int {
      connection(1, established: .seconds(10), responses: responses).load(at: .seconds(20)).magnitude
    }
    #expect([0, 9, 10, 19, 20, 39, 40, 10_240].map { magnitude($0) } == [0, 0, 1, 1, 2, 2, 3, 11])
  }

  @Test("A connection that was opened this very moment has a load, too")
  func newborn() {
    #expect(connection(1, established: .seconds(10), responses: 1).load(at: .seconds(10)).rate == 1000)
  }

  @Test("Of the connections that are due, the busiest of the busiest pod goes first, however old the others are")
  func busiestFirst() {
    var node = Node([
      connection(1, at: pod(1)), connection(2, at: pod(1), established: .seconds(20), responses: 500),
      connection(3, at: pod(2)), connection(4, at: pod(2), established: .seconds(30), responses: 5_000),
      connection(5, at: pod(3)),
    ])
    #expect(node.placements(at: .seconds(100)) == [4, 2, 5, 3, 1])
  }

  @Test("The busiest are spread over the pace, and the others follow")
  func busiestFirstAtThePace() {
    var all = connections(20)
    for index in [7, 11, 13] { all[index].responses = 10_000 * UInt64(index) }
    var node = Node(all, pace: 10)
    #expect(node.place(at: .seconds(100)) == [12, 14])
    #expect(node.place(at: .seconds(101)) == [8])
    #expect(node.place(at: .seconds(102)) == [1])
  }

  @Test("Urgency comes before load")
  func urgency() {
    var node = Node([connection(1, responses: 100_000), connection(2)])
    #expect(node.request(.connection(2)) == .queued(1))
    #expect(node.placements(at: .seconds(100)) == [2, 1])
  }

  @Test("Fractions are those of splitmix64")
  func scatter() {
    // The first output of the reference implementation with seed 0: https://prng.di.unimi.it/splitmix64.c
    #expect(Scatter.fraction(of: 0, for: .age) == Double(0xe220_a839_7b1d_cdaf as UInt64 >> 11) * 0x1p-53)
    #expect(
      Scatter.fraction(of: 0x9e37_79b9_7f4a_7c15, for: .age) == Double(0x6e78_9e6a_a1b9_65f4 as UInt64 >> 11) * 0x1p-53)
  }
}
