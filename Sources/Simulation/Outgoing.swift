internal import Balancing
internal import CBPF
internal import CPick

/// The connections that one node's clients have to the endpoints of one Service, as the kernel of that node counts them.
/// No node knows of another's.
struct Outgoing {
  /// In order of the endpoints' numbers; without those that have none.
  fileprivate var counts: [endpoint_count] = []

  /// How many there are to each endpoint that has any.
  var active: [(endpoint: Int, count: Int)] { counts.map { (Int($0.endpoint), Int($0.active)) } }

  mutating func open(to endpoint: Int) {
    let index = index(of: endpoint)
    if index < counts.count, counts[index].endpoint == endpoint {
      counts[index].active += 1
    } else {
      counts.insert(endpoint_count(endpoint: UInt32(endpoint), active: 1), at: index)
    }
  }

  mutating func close(to endpoint: Int) {
    let index = index(of: endpoint)
    counts[index].active -= 1
    if counts[index].active == 0 { counts.remove(at: index) }
  }

  /// Of the first that is not before the endpoint.
  private func index(of endpoint: Int) -> Int {
    var range = 0..<counts.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range = counts[middle].endpoint < endpoint ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound
  }
}

/// What `connect()` chooses from when a client asks for a Service: the same on all nodes.
struct EndpointTable {
  /// The numbers of the pods that new connections may go to.
  let endpoints: [UInt32]
  private let policy: Policy
  private let candidates: UInt32
  private let ring: [UInt32]

  init(_ endpoints: [(pod: Int, address: SocketAddress)], _ setting: Setting) {
    self.endpoints = endpoints.map { UInt32($0.pod) }
    (policy, candidates) = (setting.policy, UInt32(setting.candidates))
    ring = setting.policy == .maglev ? Maglev.ring(of: endpoints.map(\.address)) : []
  }

  /// The pod that a client connects to, chosen by the code that does so in the kernel (bpf/pick.h). Nil: there is none.
  func choose(for client: Int, _ outgoing: Outgoing, seed: UInt64) -> Int? {
    guard !endpoints.isEmpty else { return nil }
    var header = table_header()
    header.endpoint_count = UInt32(endpoints.count)
    header.ring_slots = UInt32(ring.count)
    header.policy_and_affinity = policy.code
    // The arrays live for as long as the call, and nothing of them is kept.
    let endpoint = unsafe pick_natively(
      &header, endpoints, ring, outgoing.counts, UInt32(outgoing.counts.count), candidates, UInt64(client), seed)
    return Int(endpoint)
  }
}

extension Policy {
  fileprivate var code: UInt32 {
    switch self {
    case .leastConnections: POLICY_LEAST_CONNECTIONS.rawValue
    case .random: POLICY_RANDOM.rawValue
    case .maglev: POLICY_MAGLEV.rawValue
    }
  }
}
