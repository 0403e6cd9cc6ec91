import Balancing
import Draining

@testable import Simulation

extension SimulatedCluster {
  /// Whatever is not as it must be at any moment: a connection that is lost or counted twice, load that no client sends.
  var violations: [String] {
    var violations: [String] = []
    func expect(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
      if !holds { violations.append(otherwise()) }
    }
    var (loads, active, connections) = ([Int](repeating: 0, count: pods.count), [[Int]: Int](), 0)
    for (number, client) in clients.enumerated() {
      guard let link = client.link else { continue }
      connections += 1
      loads[link.pod] += client.rate
      if case .open = client.state { active[[client.node, client.service, link.pod], default: 0] += 1 }
      let node = nodes[pods[link.pod].node]
      expect(pods[link.pod].state != .ended, "client \(number) has a connection to a pod that has ended")
      expect(pods[link.pod].service == client.service, "client \(number) is connected to another Service")
      expect(
        node.accepted[link.index].id == link.connection && node.accepted[link.index].endpoint == pods[link.pod].address
          && node.peers[link.index].client == number, "client \(number) and its pod's node do not agree")
    }
    expect(nodes.map(\.accepted.count).reduce(0, +) == connections, "nodes hold connections that no client has")
    expect(pods.map(\.load) == loads, "the pods' load is not what their clients send")
    for (number, node) in nodes.enumerated() {
      for (service, outgoing) in node.outgoing {
        for (endpoint, count) in outgoing.active {
          let key = [number, service, endpoint]
          expect(active.removeValue(forKey: key) == count, "\(key) is not counted as it is")
        }
      }
    }
    expect(active.isEmpty, "\(active.count) connections are not counted")
    return violations
  }
}
