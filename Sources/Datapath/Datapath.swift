public import Balancing
internal import CBPF
public import Draining
public import Kernel
internal import SystemPackage

/// How many entries the maps have room for.
public struct DatapathLimits: Sendable, Equatable {
  /// Service addresses and ports.
  public var services: Int
  /// Endpoints of all Service ports together.
  public var endpoints: Int
  /// Endpoints on this node.
  public var localEndpoints: Int
  /// Connections that are looked at by one read.
  public var connectionsPerRead: Int

  public init(
    services: Int = 65_536, endpoints: Int = 131_072, localEndpoints: Int = 16_384, connectionsPerRead: Int = 20_480
  ) {
    (self.services, self.endpoints) = (services, endpoints)
    (self.localEndpoints, self.connectionsPerRead) = (localEndpoints, connectionsPerRead)
  }

  /// Maps of another layout cannot be adopted: this names the layout.
  fileprivate var layout: String { "\(EVENKEEL_ABI)-\(services)-\(endpoints)-\(localEndpoints)" }
}

/// The BPF programs and maps: what the agent tells the kernel side, and what it hears from it.
///
/// With pins, all that established connections and `connect()` depend on outlives this value, and the next one adopts
/// it: maps of the same layout as they are, links by replacing their programs one by one without a gap.
public struct Datapath: ~Copyable {
  private let pins: PinDirectory?
  private let limits: DatapathLimits
  private let object: BPFObject
  /// Those that this value has attached, or adopted.
  private var links: [String: Box<BPFLink>] = [:]
  /// Nil until `activate`.
  private var cgroup: Box<Cgroup>?

  /// What `connect()` chooses from.
  public var tables: Tables
  private let localEndpoints: BPFMap<socket_address, UInt32>
  private let incoming: BPFMap<UInt32, incoming>
  private let outcomes: BPFMap<UInt32, UInt64>
  private let snapshot: BPFIterator<UInt8>
  private let page: MappedArray<connection_record>

  private var incomingSlots: Slots<SocketAddress>
  private var tracked: Set<SocketAddress> = []
  private var heedsGoaways = false

  /// A noncopyable value cannot be an element of a dictionary; its box can.
  private final class Box<Value: ~Copyable> {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
  }

  /// Programs that are attached to the cgroup, by their names in bpf/. First those that follow connections, then those
  /// that make them.
  private static let attached = [
    "follow_tcp", track, heedGoaway, "getpeername4", "getpeername6", "connect4", "connect6",
  ]
  // These two look at each packet on the node, and are attached only as long as there is something to look for.
  private static let track = "track"
  private static let heedGoaway = "heed_goaway"
  private static let pinnedMaps = [
    "services", "outgoing", "choices", "affinities", "outcomes", "served_ports", "local_endpoints", "incoming",
    "connections",
  ]

  /// Loads programs and maps. Nothing is attached yet: `activate` does that, once the tables are complete.
  ///
  /// - Parameter pins: nil: everything ends with this value.
  public init(
    pins: consuming PinDirectory?, limits: DatapathLimits = DatapathLimits(), at now: Duration
  ) throws(KernelError) {
    let object = try BPFObject(bytes: decodeHexadecimal(bpfObjectHexadecimal), name: "evenkeel")
    try object.setMaxEntries(limits.services, ofMap: "services")
    try object.setMaxEntries(limits.endpoints, ofMap: "outgoing")
    try object.setMaxEntries(limits.connectionsPerRead, ofMap: "page")
    for map in ["local_endpoints", "incoming"] { try object.setMaxEntries(limits.localEndpoints, ofMap: map) }
    if let folder = try pins?.makeMapFolder(layout: limits.layout) {
      for map in Self.pinnedMaps { try object.pin(map: map, at: "\(folder)/\(map)") }
    }
    try object.load()
    let services: BPFMap<socket_address, Int32> = try object.map("services")
    let outgoing: BPFMap<UInt32, outgoing> = try object.map("outgoing")
    let localEndpoints: BPFMap<socket_address, UInt32> = try object.map("local_endpoints")
    let incoming: BPFMap<UInt32, incoming> = try object.map("incoming")
    let outcomes: BPFMap<UInt32, UInt64> = try object.map("outcomes")
    let connections: BPFMap<Int32, connection> = try object.map("connections")
    let snapshot: BPFIterator<UInt8> = try BPFIterator(object.program("snapshot"), over: connections)
    let page: MappedArray<connection_record> = try MappedArray(object.map("page"))
    let incomingSlots = Slots(capacity: limits.localEndpoints, entries: try incoming.values(), at: now) { entry in
      entry.is_assigned == 0 ? nil : entry.endpoint.value
    }
    let tables = try Tables(services, outgoing, limits: limits, at: now)
    let tracked = Set(try localEndpoints.keys().map(\.value))

    self.pins = pins
    self.limits = limits
    self.object = object
    self.tables = tables
    self.localEndpoints = localEndpoints
    self.incoming = incoming
    self.outcomes = outcomes
    self.snapshot = snapshot
    self.page = page
    self.incomingSlots = incomingSlots
    self.tracked = tracked
  }

  /// The guard, with whose help GOAWAYs are placed. It is never pinned: it ends with the agent.
  public func makeGuard() throws(KernelError) -> Guard { try Guard(object) }

  /// The view of the connections that clients opened by a Service address.
  public func makeClients() throws(KernelError) -> Clients { try Clients(object) }
}

// MARK: - Drain

extension Datapath {
  /// Tracks the connections that these endpoints accept from now on, and no others any more.
  ///
  /// - Returns: what could not be done.
  public mutating func setLocalEndpoints(_ endpoints: Set<SocketAddress>, at now: Duration) -> [KernelError] {
    var failures: [KernelError] = []
    func attempt(_ body: () throws(KernelError) -> Void) {
      do throws(KernelError) { try body() } catch { failures.append(error) }
    }
    // It must see the first packet of a connection that is tracked.
    if !endpoints.isEmpty { attempt { () throws(KernelError) in try attach(Self.track) } }
    for endpoint in tracked.subtracting(endpoints).union(endpoints.subtracting(tracked)).sorted() {
      attempt { () throws(KernelError) in
        if endpoints.contains(endpoint) { try track(endpoint) } else { try untrack(endpoint, at: now) }
      }
    }
    // Those that a former agent tracked go on with their counters.
    for endpoint in endpoints where tracked.contains(endpoint) && !incomingSlots.isUsed(endpoint) {
      _ = incomingSlots.assign(endpoint)
    }
    return failures
  }

  private mutating func track(_ endpoint: SocketAddress) throws(KernelError) {
    guard let (slot, isNew) = incomingSlots.assign(endpoint) else {
      throw KernelError(
        "track connections of \(endpoint)", .argListTooLong,
        advice: "map incoming is full with \(limits.localEndpoints) entries")
    }
    if isNew {
      var entry = CBPF.incoming()
      (entry.endpoint, entry.is_assigned) = (socket_address(endpoint), 1)
      try incoming.set(slot, to: entry)
    }
    try localEndpoints.set(socket_address(endpoint), to: slot)
    tracked.insert(endpoint)
  }

  private mutating func untrack(_ endpoint: SocketAddress, at now: Duration) throws(KernelError) {
    try localEndpoints.remove(socket_address(endpoint))
    tracked.remove(endpoint)
    incomingSlots.release(endpoint, at: now)
  }

  /// All connections that local endpoints have accepted and that are established now.
  public func connections() throws(KernelError) -> [TrackedConnection] {
    var connections: [TrackedConnection] = []
    try forEachRecord { record in if record.isEstablished { connections.append(TrackedConnection(record)) } }
    return connections
  }

  /// What the scheduler wants to know of them, in place of what is in the array: as many as there may be, and as often as
  /// they are looked at, its memory is to be used again. If that fails, it is empty.
  public func readConnections(into connections: inout [AcceptedConnection]) throws(KernelError) {
    connections.removeAll(keepingCapacity: true)
    do throws(KernelError) {
      try forEachRecord { record in if record.isEstablished { connections.append(AcceptedConnection(record)) } }
    } catch {
      connections.removeAll(keepingCapacity: true)
      throw error
    }
  }

  @inline(__always)
  private func forEachRecord(_ body: (borrowing connection_record) -> Void) throws(KernelError) {
    try snapshot.forEachPage(of: page) { records in
      for index in records.indices { body(records[index]) }
    }
  }

  /// What one endpoint of this node has accepted and answered.
  public func incomingCounters(of endpoint: SocketAddress) throws(KernelError) -> IncomingCounters {
    guard let slot = incomingSlots[endpoint] else { return IncomingCounters() }
    return try incoming.value(for: slot).map(IncomingCounters.init) ?? IncomingCounters()
  }

  /// The same of all of them, read at once.
  public func incomingCounters() throws(KernelError) -> (SocketAddress) -> IncomingCounters {
    let (values, slots) = (try incoming.values(first: Int(incomingSlots.next)), incomingSlots)
    return { slots[$0].map { IncomingCounters(values[Int($0)]) } ?? IncomingCounters() }
  }
}

// MARK: - Attachment and upkeep

extension Datapath {
  /// Attaches the programs to a cgroup and all below it, or replaces those that a former agent attached there.
  public mutating func activate(on cgroup: borrowing Cgroup) throws(KernelError) {
    self.cgroup = Box(try cgroup.duplicate())
    for name in Self.attached {
      if isNeeded(name) { try attach(name) } else { try detach(name) }
    }
    try pins?.removeMaps(exceptLayout: limits.layout)
  }

  /// Whether a connection that a client has opened by a Service address ceases to count as soon as its server says GOAWAY.
  /// Not from the beginning: each packet that arrives on the node pays for it.
  public mutating func heedGoaways(_ areToBeHeeded: Bool) throws(KernelError) {
    heedsGoaways = areToBeHeeded
    if areToBeHeeded { try attach(Self.heedGoaway) } else { try detach(Self.heedGoaway) }
  }

  private func isNeeded(_ program: String) -> Bool {
    switch program {
    // Also for connections of endpoints that are gone: one that it lost sight of must not be taken up again.
    case Self.track: incomingSlots.count > 0
    case Self.heedGoaway: heedsGoaways
    default: true
    }
  }

  /// Does nothing before `activate`, nor where it is attached already.
  private mutating func attach(_ name: String) throws(KernelError) {
    guard let cgroup, links[name] == nil else { return }
    let program = try object.program(name)
    guard let path = pins?.linkPath(name) else {
      links[name] = Box(try BPFLink(program, toCgroup: cgroup.value))
      return
    }
    if let pinned = try BPFLink(pinnedAt: path) {
      if try pinned.cgroupID() == cgroup.value.id() {
        try pinned.update(to: program)
        links[name] = Box(pinned)
        return
      }
      // It hangs on another cgroup, or on one that is gone: the new link comes first, so that there is no gap.
      let link = try BPFLink(program, toCgroup: cgroup.value)
      try FileSystem.remove(path)
      try link.pin(at: path)
      links[name] = Box(link)
      return
    }
    let link = try BPFLink(program, toCgroup: cgroup.value)
    try link.pin(at: path)
    links[name] = Box(link)
  }

  /// Does nothing before `activate`: what a former agent has attached goes on until then.
  private mutating func detach(_ name: String) throws(KernelError) {
    guard cgroup != nil else { return }
    if let path = pins?.linkPath(name) {
      // A former agent's has no other owner.
      try BPFLink(pinnedAt: path)?.detach()
      try FileSystem.remove(path)
    }
    links[name] = nil
  }

  /// Takes back counters of endpoints that are long gone, for others to use. To be called every minute or so.
  public mutating func reclaimCounters(at now: Duration) throws(KernelError) {
    try tables.reclaimCounters(at: now)
    var busy: Set<UInt32> = []
    try forEachRecord { record in if let slot = incomingSlots[record.endpoint.value] { busy.insert(slot) } }
    for slot in incomingSlots.reclaim(at: now, isIdle: { !busy.contains($0) }) {
      try incoming.set(slot, to: CBPF.incoming())
    }
    if !isNeeded(Self.track) { try detach(Self.track) }
  }

  /// How full the maps are.
  public var usage: [(map: String, entries: Int, maxEntries: Int)] {
    [
      ("services", tables.usage.services, limits.services), ("outgoing", tables.usage.endpoints, limits.endpoints),
      ("incoming", incomingSlots.count, limits.localEndpoints),
    ]
  }

  /// How often `connect()` and `accept()` ended in each way since the maps exist.
  public func outcomeCounters() throws(KernelError) -> [(outcome: Outcome, count: UInt64)] {
    try Outcome.allCases.map { outcome throws(KernelError) in (outcome, try outcomes.sum(of: outcome.code)) }
  }
}

private func decodeHexadecimal(_ text: String) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.utf8.count / 2)
  var high: UInt8?
  for digit in text.utf8 {
    let value = digit <= 0x39 ? digit - 0x30 : digit - 0x61 + 10
    if let first = high { bytes.append(first << 4 | value) }
    high = high == nil ? value : nil
  }
  return bytes
}
