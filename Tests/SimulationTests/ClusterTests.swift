import Balancing
import Draining
import Testing

@testable import Simulation

@Suite("The simulated cluster")
struct ClusterTests {
  /// Everything happens in it: pods are added and replaced, streams outlive their pods, clients differ.
  private static let busy = Scenario(
    nodes: 4, services: 2, pods: 7, podsAfterScaleUp: 12, clients: 90, profile: .lognormal, streamingPercent: 30,
    streamLength: .seconds(40), length: .seconds(400))
  private static let quick = DrainSettings(interval: .seconds(20))

  @Test("The same seed gives the same history, another one another", arguments: Policy.allCases)
  func deterministic(policy: Policy) {
    let setting = Setting("", policy: policy, drain: Self.quick)
    let history = simulate(Self.busy, setting)
    #expect(history == simulate(Self.busy, setting))
    var other = Self.busy
    other.seed = 2
    #expect(history != simulate(other, setting))
  }

  @Test("No connection is lost or counted twice, whatever happens", arguments: Policy.allCases, [true, false])
  func conservation(policy: Policy, hasAgents: Bool) {
    var cluster = SimulatedCluster(Self.busy, Setting("", policy: policy, drain: hasAgents ? Self.quick : nil))
    var time = Duration.zero
    while time < Self.busy.length {
      time += .milliseconds(700)
      cluster.advance(to: time)
      #expect(cluster.violations == [])
    }
    let tally = cluster.tally
    #expect(cluster.clients.count == 90)
    #expect((tally.goaways > 500) == hasAgents)
    // Streams that outlive their pod are cut with an agent as well.
    #expect(tally.cut > 0)
    let replacing = tally.goaways + tally.cut
    #expect(tally.reconnects <= replacing && tally.reconnects > 0)
  }

  @Test("Nobody looks at connections as long as nothing can be due")
  func idle() {
    let scenario = Scenario(nodes: 3, pods: 6, podsAfterScaleUp: 6, clients: 60, length: .seconds(1200))
    var cluster = SimulatedCluster(scenario, Setting("", drain: DrainSettings(jitterPercent: 0)))
    cluster.advance(to: .seconds(590))
    // At the first input only: on each node once.
    #expect(cluster.tally.ticks == 3)
    #expect(cluster.tally.goaways == 0)
    cluster.advance(to: .seconds(625))
    #expect(cluster.tally.goaways == 60)
    #expect(cluster.violations == [])
  }

  @Test("Pods that terminate lose all connections before their process ends, so that none is cut")
  func terminating() {
    let scenario = Scenario(nodes: 3, pods: 6, podsAfterScaleUp: 6, clients: 600, length: .seconds(800))
    let without = simulate(scenario, Setting("", drain: nil))
    let with = simulate(scenario, Setting(""))
    // Every client's connection at least once.
    #expect(without.cut >= 600)
    #expect(with.cut == 0)
    #expect(with.samples.map(\.goaways).reduce(0, +) >= 600)
  }

  @Test(
    "Without an agent nothing moves to added pods; connections that are drained for their age do within an interval")
  func aging() {
    let (without, with) = (figures(nil), figures(DrainSettings(interval: .seconds(120), rebalanceWindow: .zero)))
    #expect(without.secondsUntilShared == nil && without.secondsUntilEven == nil)
    #expect(without.reconnects == 0 && without.worstSecondOfScaleUp == 0)
    #expect((with.secondsUntilShared ?? .max) < 140)
    // Each connection once in 120 s, on average.
    #expect(abs(with.reconnects - 1000.0 / 120) < 2)
  }

  @Test("Pods that double have half of all connections within the rebalance window, and nothing else moves")
  func rebalance() {
    let settings = DrainSettings(interval: .zero, rebalanceWindow: .seconds(20))
    let reconnects = simulate(Self.doubling, Setting("", drain: settings)).samples.map(\.reconnects)
    #expect(reconnects[..<600].allSatisfy { $0 == 0 })
    #expect(abs(reconnects[600..<622].reduce(0, +) - 500) <= 10)
    #expect(reconnects[622..<900].allSatisfy { $0 == 0 })
    #expect((figures(settings).secondsUntilShared ?? .max) < 22)
  }

  private static let doubling = Scenario(
    nodes: 5, pods: 10, podsAfterScaleUp: 20, clients: 1000, length: .seconds(1200))

  private func figures(_ drain: DrainSettings?) -> Figures {
    Figures(simulate(Self.doubling, Setting("", drain: drain)), of: Self.doubling)
  }

  @Test("Least connections are more even than random ones where nodes know enough, and no different where they do not")
  func knowledge() {
    func busiest(_ policy: Policy, nodes: Int) -> Double {
      let scenario = Scenario(nodes: nodes, pods: 20, podsAfterScaleUp: 20, clients: 2000, length: .seconds(120))
      var cluster = SimulatedCluster(scenario, Setting("", policy: policy))
      cluster.advance(to: .seconds(30))
      return cluster.sampleLoad().busiest
    }
    #expect(busiest(.leastConnections, nodes: 1) < 1.03)
    #expect(busiest(.random, nodes: 1) > 1.1)
    // With one client on most nodes, each of them finds all pods equally idle.
    #expect(busiest(.leastConnections, nodes: 5000) > 1.1)
  }

  @Test("Load is what clients send: with one heavy client the busiest pod is its pod")
  func heavyClient() {
    let scenario = Scenario(
      nodes: 1, pods: 10, podsAfterScaleUp: 10, clients: 100, profile: .zipf, length: .seconds(120))
    var cluster = SimulatedCluster(scenario, Setting("", drain: nil))
    cluster.advance(to: .seconds(20))
    let rates = cluster.clients.map(\.rate)
    let heaviest = rates.enumerated().max { $0.element < $1.element }
    #expect(cluster.pods.map(\.load).reduce(0, +) == rates.reduce(0, +))
    let pod = heaviest.flatMap { cluster.clients[$0.offset].link?.pod }
    #expect(pod != nil && pod == cluster.pods.indices.max { cluster.pods[$0].load < cluster.pods[$1].load })
    // 1 / (1 + 1/2 + … + 1/100) of all load, on one pod of ten.
    #expect(cluster.sampleLoad().busiest > 10 / 5.19)
  }
}
