import Balancing
import Draining
import Testing

@testable import Simulation

@Suite("The pace, as the simulation sees it")
struct PaceTests {
  @Test("Ten connections of one pod that are due together go one a second")
  func onePod() {
    let scenario = Scenario(nodes: 1, pods: 1, podsAfterScaleUp: 1, clients: 10, length: .seconds(600))
    let settings = DrainSettings(interval: .seconds(60), jitterPercent: 0, pacePercent: 10)
    let goaways = simulate(scenario, Setting("", drain: settings)).samples.map(\.goaways)
    // They arrive within ten seconds.
    #expect(goaways[..<60].allSatisfy { $0 == 0 })
    #expect(goaways[60..<85].reduce(0, +) == 10)
    // Two seconds of the wall clock may hold parts of three windows of one second.
    #expect(goaways[60..<85].allSatisfy { $0 <= 2 })
  }

  @Test(
    "No window of one second sees more than the pace allows all pods together", arguments: [1, 5, 20, 50] as [Double])
  func allPods(percent: Double) {
    // With Maglev a client always has the same pod, so that what the pace is a percentage of is known.
    let scenario = Scenario(nodes: 5, pods: 10, podsAfterScaleUp: 10, clients: 1000, length: .seconds(800))
    let settings = DrainSettings(interval: .seconds(30), jitterPercent: 0, pacePercent: percent)
    var cluster = SimulatedCluster(scenario, Setting("", policy: .maglev, drain: settings))
    cluster.advance(to: .seconds(20))
    let limit = cluster.pods.indices.map { pod in
      max(1, Int(Double(cluster.clients.count { $0.link?.pod == pod }) * percent / 100))
    }.reduce(0, +)
    // Ten steps are a window.
    var tallies = [cluster.tally]
    for step in 1...3000 {
      cluster.advance(to: .seconds(20) + .milliseconds(100) * step)
      let (last, first) = (cluster.tally, tallies[max(0, step - 10)])
      #expect(last.goaways - first.goaways <= limit)
      // Clients connect anew up to a fifth of a second later: those of two windows may do so in one.
      #expect(last.reconnects - first.reconnects <= 2 * limit)
      tallies.append(last)
    }
    // At the slowest pace, one a second on each pod.
    #expect(cluster.tally.goaways > 2500)
  }
}
