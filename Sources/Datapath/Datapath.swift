public import Balancing
internal import CBPF
internal import Draining
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

  public init(services: Int = 65_536, endpoints: Int = 131_072, localEndpoints: Int = 16_384) {
    (self.services, self.endpoints, self.localEndpoints) = (services, endpoints, localEndpoints)
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
  private var links: [String: LinkBox] = [:]

  private let tables: TableWriter
  private let outgoing: BPFMap<UInt32, outgoing>
  private let localEndpoints: BPFMap<socket_address, UInt32>
  private let incoming: BPFMap<UInt32, incoming>
  private let outcomes: BPFMap<UInt32, UInt64>
  private let snapshot: BPFIterator<connection_record>

  private var published: [SocketAddress: Table] = [:]
  /// Changes that the kernel would not take, to be tried again.
  private var failed: [SocketAddress: TableChange] = [:]
  private var outgoingSlots: Slots<OutgoingOwner>
  private var incomingSlots: Slots<SocketAddress>
  private var tracked: Set<SocketAddress> = []
  /// Service addresses whose tables in the kernel are a former agent's still.
  private var leftovers: Set<SocketAddress>

  private struct OutgoingOwner: Hashable {
    var service: UInt64
    var endpoint: SocketAddress
  }

  /// A noncopyable link cannot be an element of a dictionary; its box can.
  private final class LinkBox {
    let link: BPFLink
    init(_ link: consuming BPFLink) { self.link = link }
  }

  /// Programs that are attached to the cgroup, by their names in evenkeel.bpf.c. First those that follow connections,
  /// then those that make them.
  private static let attached = [
    "follow_tcp", "track", "heed_goaway", "getpeername4", "getpeername6", "connect4", "connect6",
  ]
  private static let pinnedMaps = [
    "services", "outgoing", "choices", "affinities", "outcomes", "local_endpoints", "incoming", "connections",
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
    let snapshot: BPFIterator<connection_record> = try BPFIterator(object.program("snapshot"), over: connections)
    let outgoingOwners = try Self.owners(in: outgoing.values()) { entry in
      entry.service == 0 ? nil : OutgoingOwner(service: entry.service, endpoint: entry.endpoint.value)
    }
    let incomingOwners = try Self.owners(in: incoming.values()) { $0.is_assigned == 0 ? nil : $0.endpoint.value }
    let leftovers = Set(try services.keys().map(\.value))
    let tracked = Set(try localEndpoints.keys().map(\.value))

    self.pins = pins
    self.limits = limits
    self.object = object
    self.tables = TableWriter(services)
    self.outgoing = outgoing
    self.localEndpoints = localEndpoints
    self.incoming = incoming
    self.outcomes = outcomes
    self.snapshot = snapshot
    self.outgoingSlots = Slots(capacity: limits.endpoints, existing: outgoingOwners, at: now)
    self.incomingSlots = Slots(capacity: limits.localEndpoints, existing: incomingOwners, at: now)
    self.tracked = tracked
    self.leftovers = leftovers
  }

  private static func owners<Entry, Owner: Hashable>(
    in entries: [Entry], _ owner: (Entry) -> Owner?
  ) -> [Owner: UInt32] {
    var owners: [Owner: UInt32] = [:]
    for (index, entry) in entries.enumerated() {
      if let owner = owner(entry) { owners[owner] = UInt32(index) }
    }
    return owners
  }

  /// The guard, with whose help GOAWAYs are placed. It is never pinned: it ends with the agent.
  public func makeGuard() throws(KernelError) -> Guard { try Guard(object) }

  /// The view of the connections that clients opened by a Service address.
  public func makeClients() throws(KernelError) -> Clients { try Clients(object) }
}

// MARK: - Spread

extension Datapath {
  /// Makes these changes of the tables in force, soon: `settle` waits for that. A table that cannot be written stays as it
  /// was, and is tried again with the next changes; the others go on.
  ///
  /// - Parameter seen: when the input was seen that the changes follow from.
  /// - Returns: what could not be done; of what has been begun, `takeOutcome` tells.
  public mutating func change(_ changes: [TableChange], seen: Duration, at now: Duration) -> [KernelError] {
    for change in changes { failed[change.address] = nil }
    let again = failed.values.sorted { $0.address < $1.address }
    var failures: [KernelError] = []
    var writes: [TableWrite] = []
    for change in again + changes {
      do throws(KernelError) {
        switch change {
        case .publish(let table):
          if let write = try publish(table, at: now) { writes.append(write) }
        case .withdraw(let address):
          if let write = withdraw(address, at: now) { writes.append(write) }
        }
        failed[change.address] = nil
      } catch {
        failed[change.address] = change
        failures.append(error)
      }
    }
    tables.write(writes, seen: seen)
    return failures
  }

  /// Withdraws what a former agent has published and this one has no table for: to be called once all are known.
  public mutating func withdrawLeftovers(seen: Duration) {
    let unwanted = leftovers.filter { failed[$0] == nil }
    leftovers.subtract(unwanted)
    tables.write(unwanted.sorted().map { TableWrite(address: $0, entries: nil) }, seen: seen)
  }

  /// The Service addresses that have a table, or are to have one.
  public var serviceAddresses: Set<SocketAddress> { Set(published.keys).union(failed.keys) }

  /// Waits until all changes are in force that were begun: no `connect()` sees a former table any more.
  public func settle() { tables.settle() }

  /// What has come of changes since the last call: the failures, and how long each input has taken to be in force since
  /// it was seen.
  public mutating func takeOutcome(at now: Duration) -> (failures: [KernelError], durations: [Duration]) {
    let outcome = tables.takeOutcome()
    for address in outcome.failures.keys {
      guard failed[address] == nil else { continue }
      // What is there instead is not known: the table before it, or one that came later and has failed too.
      failed[address] = published[address].map(TableChange.publish) ?? .withdraw(address)
      forget(address, at: now)
      leftovers.insert(address)
    }
    return (outcome.failures.sorted { $0.key < $1.key }.map(\.value), outcome.durations)
  }

  private mutating func publish(_ table: Table, at now: Duration) throws(KernelError) -> TableWrite? {
    guard published[table.address] != table else { return nil }
    let isNew = published[table.address] == nil && !leftovers.contains(table.address)
    guard !isNew || published.count + leftovers.count < limits.services else {
      throw KernelError(
        "publish \(table.address) of \(table.servicePort)", .argListTooLong,
        advice: "map services is full with \(limits.services) entries")
    }
    let entries = table.entries(outgoing: try assignOutgoing(of: table, at: now))
    guard entries.count <= TABLE_MAX_ENTRIES else {
      throw KernelError(
        "publish the table of \(table.servicePort)", .argListTooLong,
        advice: "it has \(table.endpoints.count) endpoints, and there is room for \(TABLE_MAX_ENTRIES)")
    }
    forget(table.address, at: now)
    published[table.address] = table
    return TableWrite(address: table.address, entries: entries)
  }

  private mutating func withdraw(_ address: SocketAddress, at now: Duration) -> TableWrite? {
    guard published[address] != nil || leftovers.contains(address) else { return nil }
    forget(address, at: now)
    return TableWrite(address: address, entries: nil)
  }

  private mutating func forget(_ address: SocketAddress, at now: Duration) {
    leftovers.remove(address)
    if let table = published.removeValue(forKey: address) { release(table.endpoints, of: table, at: now) }
  }

  /// The counters of a table's endpoints; all of them or, where there are not enough, none.
  private mutating func assignOutgoing(of table: Table, at now: Duration) throws(KernelError) -> [UInt32] {
    var slots: [UInt32] = []
    do throws(KernelError) {
      for endpoint in table.endpoints { slots.append(try assignOutgoing(of: table.servicePort, endpoint)) }
    } catch {
      release(table.endpoints.prefix(slots.count), of: table, at: now)
      throw error
    }
    return slots
  }

  private mutating func assignOutgoing(
    of service: ServicePortName, _ endpoint: SocketAddress
  ) throws(KernelError) -> UInt32 {
    let owner = OutgoingOwner(service: service.hash, endpoint: endpoint)
    guard let (slot, isNew) = outgoingSlots.assign(owner) else {
      throw KernelError(
        "count connections to \(endpoint) of \(service)", .argListTooLong,
        advice: "map outgoing is full with \(limits.endpoints) entries")
    }
    if isNew {
      var entry = CBPF.outgoing()
      (entry.service, entry.endpoint) = (owner.service, socket_address(endpoint))
      try outgoing.set(slot, to: entry)
    }
    return slot
  }

  private mutating func release(_ endpoints: some Sequence<SocketAddress>, of table: Table, at now: Duration) {
    let service = table.servicePort.hash
    for endpoint in endpoints { outgoingSlots.release(OutgoingOwner(service: service, endpoint: endpoint), at: now) }
  }

  /// The connections that this node's clients have opened to one endpoint of a Service port.
  public func outgoingCounters(
    of service: ServicePortName, _ endpoint: SocketAddress
  ) throws(KernelError) -> OutgoingCounters {
    guard let slot = outgoingSlots[OutgoingOwner(service: service.hash, endpoint: endpoint)] else {
      return OutgoingCounters()
    }
    return try outgoing.value(for: slot).map(OutgoingCounters.init) ?? OutgoingCounters()
  }

  /// The same of all of them, read at once.
  public func outgoingCounters() throws(KernelError) -> (ServicePortName, SocketAddress) -> OutgoingCounters {
    let (values, slots) = (try outgoing.values(first: Int(outgoingSlots.next)), outgoingSlots)
    return { service, endpoint in
      slots[OutgoingOwner(service: service.hash, endpoint: endpoint)].map { OutgoingCounters(values[Int($0)]) }
        ?? OutgoingCounters()
    }
  }
}

// MARK: - Drain

extension Datapath {
  /// Tracks the connections that these endpoints accept from now on, and no others any more.
  ///
  /// - Returns: what could not be done.
  public mutating func setLocalEndpoints(_ endpoints: Set<SocketAddress>, at now: Duration) -> [KernelError] {
    var failures: [KernelError] = []
    for endpoint in tracked.subtracting(endpoints).union(endpoints.subtracting(tracked)).sorted() {
      do throws(KernelError) {
        if endpoints.contains(endpoint) { try track(endpoint) } else { try untrack(endpoint, at: now) }
      } catch { failures.append(error) }
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
    try snapshot.records().compactMap(TrackedConnection.init)
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
    for name in Self.attached {
      let program = try object.program(name)
      guard let path = pins?.linkPath(name) else {
        links[name] = LinkBox(try BPFLink(program, toCgroup: cgroup))
        continue
      }
      if let pinned = try BPFLink(pinnedAt: path) {
        if try pinned.cgroupID() == cgroup.id() {
          try pinned.update(to: program)
          links[name] = LinkBox(pinned)
          continue
        }
        // It hangs on another cgroup, or on one that is gone: the new link comes first, so that there is no gap.
        let link = try BPFLink(program, toCgroup: cgroup)
        try FileSystem.remove(path)
        try link.pin(at: path)
        links[name] = LinkBox(link)
        continue
      }
      let link = try BPFLink(program, toCgroup: cgroup)
      try link.pin(at: path)
      links[name] = LinkBox(link)
    }
    try pins?.removeMaps(exceptLayout: limits.layout)
  }

  /// Takes back counters of endpoints that are long gone, for others to use. To be called every minute or so.
  public mutating func reclaimCounters(at now: Duration) throws(KernelError) {
    let counters = try outgoing.values()
    for slot in outgoingSlots.reclaim(at: now, isIdle: { counters[Int($0)].active == 0 }) {
      try outgoing.set(slot, to: CBPF.outgoing())
    }
    let busy = Set(try snapshot.records().map(\.connection.incoming))
    for slot in incomingSlots.reclaim(at: now, isIdle: { !busy.contains($0) }) {
      try incoming.set(slot, to: CBPF.incoming())
    }
  }

  /// How full the maps are.
  public var usage: [(map: String, entries: Int, maxEntries: Int)] {
    [
      ("services", published.count, limits.services), ("outgoing", outgoingSlots.count, limits.endpoints),
      ("incoming", incomingSlots.count, limits.localEndpoints),
    ]
  }

  /// How often `connect()` and `accept()` ended in each way since the maps exist.
  public func outcomeCounters() throws(KernelError) -> [(outcome: String, count: UInt64)] {
    let names = ["spread", "no_endpoints", "table_missed", "table_broken", "not_counted", "not_tracked"]
    return try names.enumerated().map { index, name throws(KernelError) in (name, try outcomes.sum(of: UInt32(index))) }
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
