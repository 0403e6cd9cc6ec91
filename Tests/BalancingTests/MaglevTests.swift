import Balancing
import Testing

@Suite("The Maglev ring")
struct MaglevTests {
  @Test("every endpoint has the same share of the slots, to 1 %", arguments: [1, 2, 3, 6, 50, 160, 200])
  func even(count: Int) {
    let ring = Maglev.ring(of: pods(count))
    let slots = Dictionary(grouping: ring, by: \.self).mapValues(\.count)
    #expect(slots.keys.sorted() == Array(0..<UInt32(count)))
    let mean = Double(ring.count) / Double(count)
    for share in slots.values { #expect(abs(Double(share) - mean) <= max(1, mean / 100)) }
  }

  @Test("without endpoints there is none")
  func empty() { #expect(Maglev.ring(of: []).isEmpty) }

  @Test(
    "where one endpoint goes, or comes, its own slots change hands, and 3 % of the others at most",
    arguments: [2, 3, 6, 11, 50, 100])
  func stable(count: Int) {
    let all = pods(count)
    let before = Maglev.ring(of: all).map { all[Int($0)] }
    for removed in Set([0, count / 2, count - 1]) {
      var rest = all
      let gone = rest.remove(at: removed)
      let after = Maglev.ring(of: rest).map { rest[Int($0)] }
      #expect(before.count == after.count)
      let moved = zip(before, after).count { $0 != gone && $0 != $1 }
      #expect(Double(moved) <= 0.03 * Double(before.count), "\(moved) of \(before.count)")
    }
  }

  @Test("the same endpoints always have the same ring")
  func reproducible() { #expect(Maglev.ring(of: pods(5)) == Maglev.ring(of: pods(5))) }

  private func pods(_ count: Int) -> [SocketAddress] {
    (1...count).map { SocketAddress(ip: IPAddress(high: 0, low: 0xffff_0af4_0000 + UInt64($0)), port: 50051) }
  }
}
