import Lab
import StatsAPI
import Testing

@Suite("Two nodes, each with an agent of its own", .serialized)
struct NodeTests {
  @Test("A connection is spread by its client's node and drained by its server's, and neither knows of the other")
  func acrossNodes() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let near = await cluster.nodes[0]
      let far = try await cluster.addNode()
      let client = try await cluster.addPods(1, named: "client", on: near)[0]
      let nearServer = try await cluster.addPods(1, named: "near", on: near)[0]
      let farServer = try await cluster.addPods(1, named: "far", on: far)[0]
      let servers = [nearServer, farServer]
      let service = try await cluster.addService("echo", ports: [grpcPort], pods: servers)
      let flags = ["--drain-interval", "1s", "--drain-pace", "100"]
      for node in [near, far] { _ = try await cluster.startAgent(Programs.evenkeel, flags, on: node) }
      for pod in servers { try await pod.start(Peer.grpcio.server(named: pod.name)).waitUntilReady() }

      var loads: [RunningProgram] = []
      for family in AddressFamily.allCases {
        loads.append(try await client.start(Peer.grpcio.client(of: service.target(family), channels: 4, seconds: 600)))
      }
      try await eventually("drains on both nodes", within: .seconds(60), every: .milliseconds(100)) {
        let drained = try await near.endpoints(of: nearServer) + far.endpoints(of: farServer)
        return drained.allSatisfy { $0.incoming.goaways >= 8 }
      }
      for load in loads {
        load.send(.terminate)
        let report = try await load.peerReport()
        #expect(report.failed == 0, "\(report.errors)")
        #expect(Set(report.byServer.keys) == Set(servers.map(\.name)), "\(report.byServer)")
      }

      // The client's node has opened all of them; each node has accepted and drained those of its own pod.
      for pod in servers {
        let (onNear, onFar) = (try await near.endpoints(of: pod), try await far.endpoints(of: pod))
        #expect(onNear.allSatisfy { $0.outgoing.opened > 4 && $0.outgoing.failed == 0 }, "\(onNear)")
        #expect(onFar.allSatisfy { $0.outgoing == .init() }, "\(onFar)")
        let stranger = pod == nearServer ? onFar : onNear
        #expect(stranger.allSatisfy { !$0.local && $0.incoming == .init() }, "\(stranger)")
      }
      for node in [near, far] { #expect(try await node.stats.status().drain.unguarded == 0) }
    }
  }
}

extension Lab.Node {
  /// What the node's agent says of a pod: of its IPv4 address and of its IPv6 address.
  fileprivate func endpoints(of pod: Pod) async throws -> [ServiceEndpoint] {
    let all = try await stats.services().services.flatMap(\.endpoints)
    let own = all.filter { [pod.addresses.ipv4, pod.addresses.ipv6].contains($0.address) }
    try #require(own.count == 2, "\(name) knows of \(all.map(\.address))")
    return own
  }
}
