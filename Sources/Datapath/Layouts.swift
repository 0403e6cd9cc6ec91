// The only place where C layouts become values of the other modules, and back.

public import Balancing
internal import CBPF
public import Draining

/// An entry of a table as its eight words: `union table_entry`, which Swift does not know to be plain bytes.
typealias TableEntry = SIMD8<UInt32>

extension socket_address {
  init(_ address: SocketAddress) {
    func words(_ half: UInt64) -> (UInt32, UInt32) {
      (UInt32(truncatingIfNeeded: half >> 32).bigEndian, UInt32(truncatingIfNeeded: half).bigEndian)
    }
    let (high, low) = (words(address.ip.high), words(address.ip.low))
    self.init(ip: (high.0, high.1, low.0, low.1), port: address.port.bigEndian, padding: 0)
  }

  var value: SocketAddress {
    func half(_ first: UInt32, _ second: UInt32) -> UInt64 {
      UInt64(UInt32(bigEndian: first)) << 32 | UInt64(UInt32(bigEndian: second))
    }
    return SocketAddress(
      ip: IPAddress(high: half(ip.0, ip.1), low: half(ip.2, ip.3)), port: UInt16(bigEndian: port))
  }
}

extension Table {
  /// The table as the kernel side reads it: header, endpoints, ring. `outgoing` gives the counters of each endpoint.
  func entries(outgoing: [UInt32]) -> [TableEntry] {
    let ring = policy == .maglev ? Maglev.ring(of: endpoints) : []
    let header = table_header(
      service: socket_address(address), endpoint_count: UInt32(endpoints.count), ring_slots: UInt32(ring.count),
      policy_and_affinity: policy.code | affinitySeconds << 8)
    let endpointEntries = zip(endpoints, outgoing).map { endpoint, outgoing in
      unsafeBitCast(
        table_endpoint(address: socket_address(endpoint), outgoing: outgoing, padding: 0), to: TableEntry.self)
    }
    let ringEntries = stride(from: 0, to: ring.count, by: TableEntry.scalarCount).map { start in
      TableEntry((start..<start + TableEntry.scalarCount).map { $0 < ring.count ? ring[$0] : 0 })
    }
    return [unsafeBitCast(header, to: TableEntry.self)] + endpointEntries + ringEntries
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

extension ServicePortName {
  /// FNV-1a, 64 bits: what a Service port is known by in the map `outgoing`, beyond restarts. Never 0.
  var hash: UInt64 {
    let hash = description.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return hash == 0 ? 1 : hash
  }
}

extension DrainReason {
  init?(code: some BinaryInteger) {
    guard let reason = Self.allCases.first(where: { $0.code == UInt32(code) }) else { return nil }
    self = reason
  }

  var code: UInt32 {
    switch self {
    case .maxAge: REASON_MAX_AGE.rawValue
    case .endpointTerminating: REASON_ENDPOINT_TERMINATING.rawValue
    case .rebalance: REASON_REBALANCE.rawValue
    case .manual: REASON_MANUAL.rawValue
    }
  }
}

/// How a `connect()` to a Service address, or an `accept()`, has ended.
public enum Outcome: String, Sendable, CaseIterable {
  case spread
  case noEndpoints = "no_endpoints"
  case tableMissed = "table_missed"
  case tableBroken = "table_broken"
  case notCounted = "not_counted"
  case notTracked = "not_tracked"

  /// Its index in the map `outcomes`.
  var code: UInt32 {
    switch self {
    case .spread: OUTCOME_SPREAD.rawValue
    case .noEndpoints: OUTCOME_NO_ENDPOINTS.rawValue
    case .tableMissed: OUTCOME_TABLE_MISSED.rawValue
    case .tableBroken: OUTCOME_TABLE_BROKEN.rawValue
    case .notCounted: OUTCOME_NOT_COUNTED.rawValue
    case .notTracked: OUTCOME_NOT_TRACKED.rawValue
    }
  }
}

/// A connection that a pod of this node accepted, as the kernel side knows it.
public struct TrackedConnection: Sendable, Equatable {
  /// What the scheduler looks at.
  public var accepted: AcceptedConnection
  public var peer: SocketAddress
  public var speaks: Speaks

  public enum Speaks: String, Sendable {
    case http2 = "h2"
    case opaque
    /// The server has not said anything, or nobody has listened from the beginning.
    case unknown
  }
}

extension TrackedConnection {
  init(_ record: borrowing connection_record) {
    accepted = AcceptedConnection(record)
    peer = record.peer.value
    speaks =
      switch http2_sync(UInt32(record.sync)) {
      case HTTP2_IN_SYNC: .http2
      case HTTP2_OPAQUE: .opaque
      case HTTP2_LOST where record.is_older == 0: .http2
      default: .unknown
      }
  }
}

extension AcceptedConnection {
  init(_ record: borrowing connection_record) {
    self.init(
      id: record.cookie, endpoint: record.endpoint.value, established: .nanoseconds(record.established_ns),
      responses: record.responses, condition: record.condition)
  }
}

extension connection {
  /// The GOAWAY that has left is the agent's.
  var isDraining: Bool {
    tracker.goaway != 0 && tracker.goaway_seq == placed_seq && DrainReason(code: reason) != nil
  }
}

extension connection_record {
  var isEstablished: Bool { tcp_state == 1 }  // TCP_ESTABLISHED in include/net/tcp_states.h

  var condition: AcceptedConnection.Condition {
    if goaway != 0 {
      guard let reason = DrainReason(code: reason) else { return .closing }
      return .draining(since: .nanoseconds(goaway_ns), reason: reason)
    }
    if is_older != 0 { return .undrainable(.olderThanAgent) }
    return switch http2_sync(UInt32(sync)) {
    case HTTP2_OPAQUE: .undrainable(.opaque)
    case HTTP2_LOST: .undrainable(.outOfSync)
    default: .open
    }
  }
}

/// What an endpoint's counters say of the connections that this node's clients opened.
public struct OutgoingCounters: Sendable, Equatable {
  public var active: UInt64 = 0
  public var opened: UInt64 = 0
  public var failed: UInt64 = 0

  public init() {}
}

/// What an endpoint's counters say of the connections that it accepted.
public struct IncomingCounters: Sendable, Equatable {
  public var accepted: UInt64 = 0
  public var responses: UInt64 = 0
  /// The agent's GOAWAYs that were seen on the wire.
  public var goaways: [DrainReason: UInt64] = [:]
  public var refused: UInt64 = 0
  public var opaque: UInt64 = 0
  public var lost: UInt64 = 0

  public init() {}
}

extension OutgoingCounters {
  init(_ counters: outgoing) {
    (active, opened, failed) = (counters.active, counters.opened, counters.failed)
  }
}

extension IncomingCounters {
  init(_ counters: incoming) {
    let byCode = withUnsafeBytes(of: counters.goaways) { Array($0.bindMemory(to: UInt64.self)) }
    accepted = counters.accepted
    responses = counters.responses
    goaways = Dictionary(uniqueKeysWithValues: DrainReason.allCases.map { ($0, byCode[Int($0.code)]) })
    refused = counters.refused
    opaque = counters.opaque
    lost = counters.lost
  }
}
