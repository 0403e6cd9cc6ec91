internal import Balancing
internal import Draining

/// A cluster with one agent a node, in virtual time.
///
/// Nothing in it is measured: who connects where is what `bpf/pick.h` chooses, and who is drained when is what
/// `DrainScheduler` decides, each from what its node alone can see.
struct SimulatedCluster {
  let scenario: Scenario
  let setting: Setting
  private(set) var now = Duration.zero
  private(set) var services: [SimulatedService] = []
  private(set) var pods: [SimulatedPod] = []
  private(set) var nodes: [SimulatedNode]
  private(set) var clients: [SimulatedClient] = []
  /// The client of each connection that ever was, by its id.
  private(set) var owners: [Int32] = []
  private(set) var tally = Tally()
  private var queue = EventQueue<Event>()
  private var random: SeededGenerator

  private enum Event {
    case connect(client: Int)
    case tick(node: Int)
    case streamEnd(UInt64)
    case endReplaced
    case scaleUp
    case replace(batch: Int)
  }

  /// What was counted since the beginning.
  struct Tally: Equatable {
    /// Connections that clients have opened after their first one.
    var reconnects = 0
    var goaways = 0
    /// Connections that ended with their pod, whatever was in flight on them.
    var cut = 0
    /// Ticks of all agents, and connections that they looked at.
    var ticks = 0
    var looks = 0
  }

  init(_ scenario: Scenario, _ setting: Setting) {
    (self.scenario, self.setting) = (scenario, setting)
    nodes = (0..<scenario.nodes).map { SimulatedNode($0, setting.drain) }
    // Apart from what happens later, so that all settings are tried on the same cluster.
    var random = SeededGenerator(seed: scenario.seed)
    self.random = SeededGenerator(seed: random.next())
    for number in 0..<scenario.services {
      let name = ServiceName(namespace: "simulation", name: "service-\(number)")
      services.append(
        SimulatedService(
          name: name, table: EndpointTable([], setting), servicePort: ServicePort(service: name, port: 80)))
    }
    for service in services.indices {
      for _ in 0..<scenario.share(of: scenario.pods, service) { addPod(to: service, isAdded: false) }
    }
    apply()
    addClients(&random)
    if scenario.podsAfterScaleUp > scenario.pods { queue.add(.scaleUp, at: scenario.scaleUp) }
    for batch in 0..<Scenario.batches {
      queue.add(.replace(batch: batch), at: scenario.rollout + Scenario.batchInterval * batch)
    }
  }

  private mutating func addClients(_ random: inout SeededGenerator) {
    for service in services.indices {
      for rate in scenario.profile.rates(of: scenario.share(of: scenario.clients, service), &random) {
        let client = SimulatedClient(
          service: service, node: Int.random(in: nodes.indices, using: &random), rate: rate,
          isStreaming: random.fraction() * 100 <= scenario.streamingPercent)
        queue.add(.connect(client: clients.count), at: random.duration(upTo: Scenario.arrival))
        clients.append(client)
      }
    }
  }

  /// Lets everything happen that happens by then.
  mutating func advance(to time: Duration) {
    while let (event, due) = queue.next(by: time) {
      now = max(now, due)
      handle(event)
    }
    now = time
  }

  private mutating func handle(_ event: Event) {
    switch event {
    case .connect(let client): connect(client)
    case .tick(let node): if nodes[node].nextTick.map({ $0 <= now }) ?? false { tick(node) }
    case .streamEnd(let connection): endStream(of: connection)
    case .endReplaced: endReplacedPods()
    case .scaleUp: scaleUp()
    case .replace(let batch): replacePods(batch)
    }
  }
}

// MARK: - Connections

extension SimulatedCluster {
  private mutating func connect(_ client: Int) {
    let (service, node, rate) = (clients[client].service, clients[client].node, clients[client].rate)
    let outgoing = nodes[node].outgoing[service] ?? Outgoing()
    guard let pod = services[service].table.choose(for: client, outgoing, seed: random.next()) else {
      return queue.add(.connect(client: client), at: now + .seconds(1))
    }
    let connection = UInt64(owners.count)
    owners.append(Int32(client))
    nodes[node].outgoing[service, default: Outgoing()].open(to: pod)
    let index = nodes[pods[pod].node].accept(
      connection, at: pods[pod].address, from: client, rate: Double(rate) / 1000, now)
    announceTick(of: pods[pod].node)
    clients[client].state = .open(SimulatedClient.Link(connection: connection, pod: pod, index: index))
    pods[pod].load += rate
    if connection >= clients.count { tally.reconnects += 1 }
  }

  /// Its connection is there no more.
  private mutating func disconnect(_ client: Int) {
    guard let link = clients[client].link else { return }
    if case .open = clients[client].state { discount(client, link) }
    if let moved = nodes[pods[link.pod].node].remove(at: link.index) { clients[moved].move(to: link.index) }
    pods[link.pod].load -= clients[client].rate
    clients[client].state = .connecting
    queue.add(.connect(client: client), at: now + random.duration(upTo: Scenario.reconnectDelay))
  }

  /// The client's node no longer counts its connection: it was asked to go away, or has ended.
  private mutating func discount(_ client: Int, _ link: SimulatedClient.Link) {
    nodes[clients[client].node].outgoing[clients[client].service]?.close(to: link.pod)
  }

  private mutating func receiveGoaway(_ connection: UInt64, _ reason: DrainReason, at time: Duration) {
    let client = Int(owners[Int(connection)])
    guard case .open(let link) = clients[client].state, link.connection == connection else { return }
    tally.goaways += 1
    guard clients[client].isStreaming else { return disconnect(client) }
    discount(client, link)
    clients[client].state = .draining(link)
    nodes[pods[link.pod].node].markDraining(at: link.index, reason, since: time)
    queue.add(.streamEnd(connection), at: now + random.duration(mean: scenario.streamLength))
  }

  private mutating func endStream(of connection: UInt64) {
    let client = Int(owners[Int(connection)])
    if clients[client].link?.connection == connection { disconnect(client) }
  }
}

// MARK: - Agents

extension SimulatedCluster {
  private mutating func announceTick(of node: Int) {
    if let time = nodes[node].unannouncedTick() { queue.add(.tick(node: node), at: time) }
  }

  private mutating func tick(_ node: Int) {
    tally.ticks += 1
    tally.looks += nodes[node].accepted.count
    let orders = nodes[node].tick(at: now)
    var time = now
    for placement in orders.placements {
      time += Scenario.placement
      nodes[node].report(.placed, of: placement.connection, at: time)
      receiveGoaway(placement.connection, placement.reason, at: time)
    }
    for connection in orders.closures { endStream(of: connection) }
    nodes[node].endRound(at: time)
    announceTick(of: node)
  }
}

// MARK: - Changes of the cluster

extension SimulatedCluster {
  private mutating func addPod(to service: Int, isAdded: Bool) {
    let number = pods.count
    let node = number % nodes.count
    pods.append(
      SimulatedPod(service: service, node: node, address: SimulatedPod.address(of: number), isAdded: isAdded))
    services[service].pods.append(number)
    nodes[node].pods.append(number)
  }

  private mutating func scaleUp() {
    for service in services.indices {
      let wanted = scenario.share(of: scenario.podsAfterScaleUp, service)
      while services[service].pods.count < wanted { addPod(to: service, isAdded: true) }
    }
    apply()
  }

  /// The next pods are ready, and as many old ones terminate.
  private mutating func replacePods(_ batch: Int) {
    for service in services.indices {
      if batch == 0 { services[service].outdated = services[service].pods }
      let outdated = services[service].outdated
      for pod in outdated[outdated.count * batch / Scenario.batches..<outdated.count * (batch + 1) / Scenario.batches] {
        pods[pod].state = .terminating(since: now)
        addPod(to: service, isAdded: false)
      }
    }
    queue.add(.endReplaced, at: now + Scenario.terminationGrace)
    apply()
  }

  /// The processes of the last batch end, and with them what connections they still have.
  private mutating func endReplacedPods() {
    for node in nodes.indices {
      let replaced = Set(
        nodes[node].pods.filter { pods[$0].state == .terminating(since: now - Scenario.terminationGrace) })
      let connected = nodes[node].peers.map(\.client).filter {
        clients[$0].link.map { replaced.contains($0.pod) } ?? false
      }
      tally.cut += connected.count
      for client in connected { disconnect(client) }
      for pod in replaced { pods[pod].state = .ended }
      nodes[node].pods.removeAll(where: replaced.contains)
    }
    for service in services.indices { services[service].pods.removeAll { pods[$0].state == .ended } }
    apply()
  }

  /// Tells all nodes of what has changed.
  private mutating func apply() {
    for service in services.indices {
      let ready = services[service].pods.filter { pods[$0].state == .ready }
      services[service].table = EndpointTable(ready.map { ($0, pods[$0].address) }, setting)
      services[service].servicePort.endpoints = services[service].pods.map(endpoint)
    }
    for node in nodes.indices { applyInput(of: node) }
  }

  private func endpoint(of pod: Int) -> Endpoint {
    let (address, state) = (pods[pod].address, pods[pod].state)
    return Endpoint(address: address, state: state == .ready ? .ready : .serving, node: nodes[pods[pod].node].name.name)
  }

  private mutating func applyInput(of node: Int) {
    let hosted = Dictionary(grouping: nodes[node].pods) { pods[$0].service }.sorted { $0.key < $1.key }
    let local = hosted.map { service, numbers in
      var servicePort = services[service].servicePort
      servicePort.endpoints = numbers.map(endpoint)
      return servicePort
    }
    nodes[node].apply(hosted.map { services[$0.key].servicePort }, local: local, at: now)
    announceTick(of: node)
  }
}
