public import Balancing

/// A connection that a process of this node opened by a Service address, as it was when a snapshot was taken.
public struct ClientConnection: Sendable, Equatable {
  /// The socket's cookie (SO_COOKIE): unique until the machine reboots.
  public var id: UInt64
  /// What the client asked for.
  public var service: SocketAddress
  /// What was chosen for it.
  public var endpoint: SocketAddress

  public init(id: UInt64, service: SocketAddress, endpoint: SocketAddress) {
    (self.id, self.service, self.endpoint) = (id, service, endpoint)
  }
}

/// Decides which client connections are orphans, to be closed so that nobody waits for TCP's time-outs: those to an address
/// that has been in no EndpointSlice for so long.
///
/// As with the node of a pod that is lost: nobody is there to answer or to refuse, and a client that waits for an answer
/// would do so for a quarter of an hour. Slices lose an address in every rolling update too; but then the pod closes its
/// connections itself, and there is none left to close.
///
/// Only what a Service that is still there has lost counts. A Service that is gone as a whole, or is no longer selected,
/// says nothing of its pods.
///
/// It knows no clock and no kernel: the agent calls `update` with each new input, and `look` with a fresh snapshot at
/// `nextLook`.
public struct OrphanWatch: Sendable {
  /// `--orphan-timeout`: for how long an address must have been in no EndpointSlice.
  public let timeout: Duration
  /// When there is something to look for.
  public private(set) var nextLook = Duration.zero

  /// Services whose endpoints are known, by what clients ask for.
  private var services = Tally<SocketAddress>()
  /// All that is in an EndpointSlice.
  private var present = Tally<IPAddress>()
  /// What is not, and has connections.
  private var absent: [IPAddress: Absence] = [:]

  private struct Absence {
    /// The first look that did not find it in the slices.
    let since: Duration
    var closureOrdered: Duration?
  }

  public init(timeout: Duration) { self.timeout = timeout }

  /// Takes the Service ports that are in force from now on in the place of others.
  public mutating func replace(_ old: [ServicePort], with new: [ServicePort]) {
    for servicePort in new {
      services.add(servicePort.connectAddresses)
      present.add(servicePort.endpoints.lazy.map(\.address.ip))
    }
    for servicePort in old {
      services.remove(servicePort.connectAddresses)
      present.remove(servicePort.endpoints.lazy.map(\.address.ip))
    }
    nextLook = .zero
  }

  /// Takes all client connections as they are now. Returns the addresses whose connections are to be closed, in order;
  /// from time to time again, as long as there are any.
  public mutating func look(at connections: [ClientConnection], at now: Duration) -> [VanishedEndpoint] {
    let orphans = Dictionary(grouping: connections.filter(isOrphan), by: \.endpoint.ip)
    absent = absent.filter { orphans[$0.key] != nil }
    var vanished: [VanishedEndpoint] = []
    for (address, connections) in orphans {
      var absence = absent[address] ?? Absence(since: now)
      if closureDue(absence) <= now {
        let isNew = absence.closureOrdered == nil
        vanished.append(VanishedEndpoint(address: address, connections: connections.map(\.id), isNew: isNew))
        absence.closureOrdered = now
      }
      absent[address] = absence
    }
    nextLook = absent.values.reduce(now + Limits.orphanLook) { min($0, closureDue($1)) }
    return vanished.sorted { $0.address < $1.address }
  }

  private func isOrphan(_ connection: ClientConnection) -> Bool {
    services.contains(connection.service) && !present.contains(connection.endpoint.ip)
  }

  private func closureDue(_ absence: Absence) -> Duration {
    absence.closureOrdered.map { $0 + max(timeout, Limits.closureRetry) } ?? absence.since + timeout
  }
}

/// What is there, and how often.
private struct Tally<Element: Hashable & Sendable>: Sendable {
  private var counts: [Element: Int] = [:]

  func contains(_ element: Element) -> Bool { counts[element] != nil }

  mutating func add(_ elements: some Sequence<Element>) {
    for element in elements { counts[element, default: 0] += 1 }
  }

  mutating func remove(_ elements: some Sequence<Element>) {
    for element in elements {
      guard let count = counts[element] else { continue }
      counts[element] = count > 1 ? count - 1 : nil
    }
  }
}

extension ServicePort {
  /// What clients ask for; nothing in mode `off`.
  fileprivate var connectAddresses: [SocketAddress] {
    mode == .off ? [] : (addresses + externalAddresses).map { SocketAddress(ip: $0, port: port) }
  }
}

/// An address that has been in no EndpointSlice for too long, and the connections of this node's clients to it.
public struct VanishedEndpoint: Sendable, Equatable {
  public var address: IPAddress
  /// Their ids.
  public var connections: [UInt64]
  /// It was not ordered before that its connections be closed.
  public var isNew: Bool

  public init(address: IPAddress, connections: [UInt64], isNew: Bool) {
    (self.address, self.connections, self.isNew) = (address, connections, isNew)
  }
}
