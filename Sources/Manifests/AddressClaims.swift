import Balancing

/// Which Services want which addresses. One Service has an address and port at a time: external addresses are whatever
/// somebody writes into an object, and may be another Service's.
struct AddressClaims: Sendable {
  /// Of each address those who want it, the one who has it first.
  private var claims: [SocketAddress: [Claim]] = [:]

  /// Ordered by who goes first: those whose cluster IP it is, then by name.
  struct Claim: Sendable, Hashable, Comparable {
    let service: ServiceName
    let isExternal: Bool

    static func < (a: Claim, b: Claim) -> Bool {
      a.isExternal == b.isExternal ? a.service < b.service : b.isExternal
    }
  }

  /// The Service that has an address, if any.
  func holder(of address: SocketAddress) -> ServiceName? { claims[address]?.first?.service }

  /// - Returns: the other Services that want the address, for which things may have changed.
  mutating func add(_ claim: Claim, to address: SocketAddress) -> [ServiceName] {
    let others = claims[address, default: []]
    let place = others.firstIndex { claim < $0 } ?? others.endIndex
    claims[address, default: []].insert(claim, at: place)
    return others.map(\.service)
  }

  /// - Returns: the other Services that want the address, for which things may have changed.
  mutating func remove(_ claim: Claim, from address: SocketAddress) -> [ServiceName] {
    let others = claims[address, default: []].filter { $0 != claim }
    claims[address] = others.isEmpty ? nil : others
    return others.map(\.service)
  }
}

extension Service {
  /// The addresses and TCP ports that it wants, each once.
  var claims: [(address: SocketAddress, claim: AddressClaims.Claim)] {
    tcpPorts.flatMap { port in
      addresses.map { (SocketAddress(ip: $0, port: port.number), .init(service: name, isExternal: false)) }
        + externalAddresses.map { (SocketAddress(ip: $0, port: port.number), .init(service: name, isExternal: true)) }
    }
  }

  /// Sorted by number.
  var tcpPorts: [Port] { ports.filter { $0.transport == .tcp }.sorted { $0.number < $1.number } }
}
