import Balancing
import Testing

@testable import Simulation

@Suite("The choice of an endpoint outside the kernel")
struct ChoiceTests {
  /// Pods with odd numbers, so that a position in the table is not taken for a pod's number.
  private func table(_ count: Int, _ policy: Policy, candidates: Int = 8) -> EndpointTable {
    EndpointTable(
      (0..<count).map { (2 * $0 + 1, SimulatedPod.address(of: $0)) },
      Setting("", policy: policy, candidates: candidates))
  }

  /// How often each pod is chosen, in so many attempts by as many clients.
  private func choices(_ table: EndpointTable, _ outgoing: Outgoing = Outgoing(), attempts: Int) -> [Int: Int] {
    (0..<attempts).reduce(into: [:]) { choices, attempt in
      if let pod = table.choose(for: attempt, outgoing, seed: UInt64(attempt)) { choices[pod, default: 0] += 1 }
    }
  }

  /// So many connections to each pod.
  private func outgoing(_ counts: [Int: Int]) -> Outgoing {
    var outgoing = Outgoing()
    for (pod, count) in counts { for _ in 0..<count { outgoing.open(to: pod) } }
    return outgoing
  }

  @Test("Of few endpoints the one with the fewest connections is chosen, and of equals each as often")
  func leastConnections() {
    let few = table(5, .leastConnections)
    #expect(choices(few, outgoing([1: 2, 3: 2, 5: 1, 7: 3, 9: 2]), attempts: 100) == [5: 100])
    let equal = choices(few, outgoing([1: 2, 5: 1]), attempts: 3000)
    #expect(Set(equal.keys) == [3, 7, 9] && equal.values.allSatisfy { abs($0 - 1000) < 120 })
  }

  @Test("Of many endpoints as many are looked at as there are to be candidates", arguments: [1, 2, 8])
  func candidates(count: Int) {
    // One of 20 is idle. It is chosen if it is a candidate.
    let busy = Dictionary(uniqueKeysWithValues: (1..<20).map { (2 * $0 + 1, 1) })
    let idle = choices(table(20, .leastConnections, candidates: count), outgoing(busy), attempts: 5000)[1] ?? 0
    let misses = (0..<count).reduce(1.0) { misses, _ in misses * 0.95 }
    #expect(abs(Double(idle) - 5000 * (1 - misses)) < 150)
  }

  @Test("Random ones are uniform, whatever is connected")
  func random() {
    let chosen = choices(table(4, .random), outgoing([1: 9]), attempts: 4000)
    #expect(chosen.count == 4 && chosen.values.allSatisfy { abs($0 - 1000) < 120 })
  }

  @Test("Maglev gives a client the same endpoint every time, and all endpoints the same share of the clients")
  func maglev() {
    let table = table(4, .maglev)
    let first = table.choose(for: 7, Outgoing(), seed: 1)
    #expect((2...50).allSatisfy { table.choose(for: 7, outgoing([1: 9]), seed: $0) == first })
    let chosen = choices(table, attempts: 4000)
    #expect(chosen.count == 4 && chosen.values.allSatisfy { abs($0 - 1000) < 120 })
  }

  @Test("A table without endpoints gives none")
  func empty() {
    #expect(Policy.allCases.allSatisfy { table(0, $0).choose(for: 1, Outgoing(), seed: 1) == nil })
  }

  @Test("Connections are counted up and down, and endpoints without any are forgotten")
  func counting() {
    var outgoing = outgoing([5: 2, 1: 1, 9: 1])
    outgoing.close(to: 1)
    outgoing.close(to: 5)
    #expect(outgoing.active.map(\.endpoint) == [5, 9] && outgoing.active.map(\.count) == [1, 1])
  }
}
