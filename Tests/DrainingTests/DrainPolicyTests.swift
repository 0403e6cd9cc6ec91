import Balancing
import Draining
import Testing

@Suite("The policy of an endpoint")
struct DrainPolicyTests {
  private func servicePort(
    _ mode: Mode = .balance, interval: Duration? = nil, _ state: Endpoint.State = .ready, name: String = "cart"
  ) -> ServicePort {
    ServicePort(
      service: ServiceName(namespace: "shop", name: name), port: 80, mode: mode, drainInterval: interval,
      endpoints: [Endpoint(address: pod(1), state: state)])
  }

  private func policy(_ servicePorts: ServicePort..., defaultInterval: Duration = .seconds(600)) -> DrainPolicy? {
    var endpoints = LocalEndpoints(defaultInterval: defaultInterval)
    endpoints.replace([], with: servicePorts, on: Balancing.Node(name: nil))
    return endpoints.policies[pod(1)]
  }

  @Test("The Service's own interval goes before the agent's")
  func interval() {
    #expect(policy(servicePort()) == DrainPolicy(interval: .seconds(600)))
    #expect(policy(servicePort(interval: .seconds(30))) == DrainPolicy(interval: .seconds(30)))
    #expect(policy(servicePort(interval: .seconds(30)), defaultInterval: .zero) == DrainPolicy(interval: .seconds(30)))
  }

  @Test("A node may not look for as long as no new connection can be due: 1 to 5 seconds, 1 where a pod terminates")
  func longestPause() {
    func pause(_ policies: DrainPolicy...) -> Duration { DrainPolicy.longestPause(with: policies, jitterPercent: 50) }
    #expect(pause() == .seconds(5))
    #expect(pause(DrainPolicy(interval: .seconds(600)), .notForAge) == .seconds(5))
    #expect(pause(DrainPolicy(interval: .seconds(600)), DrainPolicy(interval: .seconds(6))) == .seconds(3))
    #expect(pause(DrainPolicy(interval: .milliseconds(500))) == .seconds(1))
    #expect(pause(DrainPolicy(interval: .seconds(600)), .terminating) == .seconds(1))
  }

  @Test("An interval of zero turns draining by age off, and nothing else")
  func zero() {
    #expect(policy(servicePort(interval: .zero)) == .notForAge)
    #expect(policy(servicePort(), defaultInterval: .zero) == .notForAge)
    #expect(policy(servicePort(interval: .zero, .terminating)) == DrainPolicy(interval: nil, isTerminating: true))
  }

  @Test("Only mode balance drains", arguments: [Mode.spread, .off])
  func mode(mode: Mode) {
    #expect(policy(servicePort(mode)) == nil)
    #expect(policy(servicePort(mode, .terminating)) == nil)
  }

  @Test("Behind several Services the shortest interval above zero counts, of those in mode balance")
  func several() {
    #expect(
      policy(
        servicePort(interval: .zero), servicePort(interval: .seconds(90)), servicePort(interval: .seconds(40)),
        servicePort(.spread, interval: .seconds(5), .terminating))
        == DrainPolicy(interval: .seconds(40)))
  }

  @Test(
    "An endpoint that terminates is drained, whether it still answers or not",
    arguments: [
      (Endpoint.State.ready, false), (.unready, false), (.serving, true), (.terminating, true),
    ])
  func terminating(state: Endpoint.State, isTerminating: Bool) {
    #expect(policy(servicePort(.balance, state))?.isTerminating == isTerminating)
    #expect(policy(servicePort(.balance, state), servicePort(name: "other"))?.isTerminating == isTerminating)
  }
}
