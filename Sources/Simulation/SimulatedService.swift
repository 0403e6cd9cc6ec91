internal import Balancing

/// A Service of the cluster, with the pods that it has and had.
struct SimulatedService {
  let name: ServiceName
  /// The numbers of those that have not ended, in order.
  var pods: [Int] = []
  /// Of those, the ones that new connections may go to.
  var table: EndpointTable
  /// As the agents see it.
  var servicePort: ServicePort
  /// What the rolling update replaces, batch by batch.
  var outdated: [Int] = []
}

struct SimulatedPod {
  let service: Int
  let node: Int
  let address: SocketAddress
  /// It was added by the scale-up.
  let isAdded: Bool
  var state = State.ready
  /// Requests in 1,000 seconds, of all connections to it.
  var load = 0

  enum State: Equatable {
    case ready
    case terminating(since: Duration)
    case ended
  }

  /// Pods have addresses from 10.0.0.0/8 in the order of their numbers, and never one that another has had.
  static func address(of number: Int) -> SocketAddress {
    SocketAddress(ip: IPAddress(high: 0, low: 0xffff_0a00_0000 + UInt64(number + 1)), port: 50051)
  }
}

struct SimulatedClient {
  let service: Int
  let node: Int
  /// Requests in 1,000 seconds.
  let rate: Int
  /// Does everything on one long stream.
  let isStreaming: Bool
  var state = State.connecting

  enum State {
    /// It has no connection, and will open one.
    case connecting
    case open(Link)
    /// It was asked to go away, and its stream has not ended.
    case draining(Link)
  }

  /// Its connection.
  struct Link {
    let connection: UInt64
    let pod: Int
    /// Where its node has it in `accepted`.
    var index: Int
  }

  var link: Link? {
    switch state {
    case .connecting: nil
    case .open(let link), .draining(let link): link
    }
  }

  mutating func move(to index: Int) {
    switch state {
    case .connecting: break
    case .open(var link):
      link.index = index
      state = .open(link)
    case .draining(var link):
      link.index = index
      state = .draining(link)
    }
  }
}
