import Balancing
import Draining
import Testing

@Suite("The endpoints of a node")
struct LocalEndpointsTests {
  @Test("are those that it hosts, behind Services that are drained")
  func tracked() {
    var endpoints = LocalEndpoints(defaultInterval: .seconds(60))
    let added = endpoints.replace(
      [], with: [port("a", .balance, [1, 2]), port("b", .spread, [3]), port("c", .off, [4])], on: here)
    #expect(added == [pod(1), pod(2)])
    #expect(endpoints.addresses == added)
    #expect(Set(endpoints.policies.keys) == added)
    #expect(endpoints.replace([], with: [port("d", .balance, [5], node: "there")], on: here) == [])
    #expect(endpoints.addresses == added)
  }

  @Test("one behind several Services stays until the last has gone, and goes by those that are left")
  func several() {
    var endpoints = LocalEndpoints(defaultInterval: .seconds(60))
    let (first, second) = (port("a", .balance, [1, 2]), port("b", .balance, [2, 3], interval: .seconds(9)))
    endpoints.replace([], with: [first, second], on: here)
    #expect(endpoints.policies[pod(2)]?.interval == .seconds(9))
    #expect(endpoints.replace([second], with: [], on: here) == [])
    #expect(endpoints.addresses == [pod(1), pod(2)])
    #expect(endpoints.policies[pod(2)]?.interval == .seconds(60))
    #expect(endpoints.policies[pod(3)] == nil)
    endpoints.replace([first], with: [], on: here)
    #expect(endpoints.addresses == [])
    #expect(endpoints.policies == [:])
  }

  @Test("only those count as added that were behind no Service until now")
  func added() {
    var endpoints = LocalEndpoints(defaultInterval: .zero)
    let old = port("a", .balance, [1])
    endpoints.replace([], with: [old], on: here)
    #expect(endpoints.replace([old], with: [port("a", .balance, [1, 2])], on: here) == [pod(2)])
  }

  @Test("belong to the first Service by name that has an address of its own")
  func service() {
    var endpoints = LocalEndpoints(defaultInterval: .zero)
    var headless = port("a", .balance, [1, 2])
    headless.isHeadless = true
    endpoints.replace([], with: [headless, port("c", .balance, [1]), port("b", .balance, [1])], on: here)
    #expect(endpoints.service(of: pod(1))?.name == "b")
    #expect(endpoints.service(of: pod(2))?.name == "a")
    #expect(endpoints.service(of: pod(3)) == nil)
  }

  @Test("come to the same whatever the order of the changes")
  func anyOrder() {
    var generator = SeededGenerator(state: 7)
    var endpoints = LocalEndpoints(defaultInterval: .seconds(60))
    var present: [String: ServicePort] = [:]
    for _ in 1...300 {
      let name = ["a", "b", "c", "d"].randomElement(using: &generator) ?? "a"
      let pods = (1...6).filter { _ in Bool.random(using: &generator) }
      let mode = Mode.allCases.randomElement(using: &generator) ?? .balance
      let new = Bool.random(using: &generator) ? port(name, mode, pods, interval: .seconds(pods.count)) : nil
      endpoints.replace([present[name]].compactMap(\.self), with: [new].compactMap(\.self), on: here)
      present[name] = new
      var anew = LocalEndpoints(defaultInterval: .seconds(60))
      anew.replace([], with: Array(present.values), on: here)
      #expect(endpoints.addresses == anew.addresses)
      #expect(endpoints.policies == anew.policies)
    }
  }

  private let here = Balancing.Node(name: "here")

  private func port(
    _ name: String, _ mode: Mode, _ pods: [Int], node: String = "here", interval: Duration? = nil
  ) -> ServicePort {
    ServicePort(
      service: ServiceName(namespace: "shop", name: name), port: 80, mode: mode, drainInterval: interval,
      endpoints: pods.map { Endpoint(address: pod($0), node: node) })
  }
}
