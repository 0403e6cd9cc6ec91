public import Balancing
internal import CBPF
public import Kernel
internal import SystemPackage

/// What `connect()` chooses from: for each Service address a table of endpoints, and for each endpoint of a Service port the
/// counters of the connections to it.
public struct Tables: ~Copyable {
  private let limits: DatapathLimits
  private let writer: TableWriter
  private let outgoing: BPFMap<UInt32, outgoing>

  private var published: [SocketAddress: Table] = [:]
  /// Changes that the kernel would not take, to be tried again.
  private var failed: [SocketAddress: TableChange] = [:]
  /// Service addresses whose tables in the kernel are a former agent's still.
  private var leftovers: Set<SocketAddress>
  private var slots: Slots<Owner>

  /// What has counters of its own.
  private struct Owner: Hashable {
    var service: UInt64
    var endpoint: SocketAddress
  }

  init(
    _ services: consuming BPFMap<socket_address, Int32>, _ outgoing: consuming BPFMap<UInt32, outgoing>,
    limits: DatapathLimits, at now: Duration
  ) throws(KernelError) {
    let slots = Slots(capacity: limits.endpoints, entries: try outgoing.values(), at: now) { entry in
      entry.service == 0 ? nil : Owner(service: entry.service, endpoint: entry.endpoint.value)
    }
    let leftovers = Set(try services.keys().map(\.value))
    self.limits = limits
    self.writer = TableWriter(services)
    self.outgoing = outgoing
    self.slots = slots
    self.leftovers = leftovers
  }

  /// How many have a table, and how many endpoints have counters.
  var usage: (services: Int, endpoints: Int) { (published.count, slots.count) }

  /// Takes back counters of endpoints that are long gone, for others to use.
  mutating func reclaimCounters(at now: Duration) throws(KernelError) {
    let counters = try outgoing.values(first: Int(slots.next))
    for slot in slots.reclaim(at: now, isIdle: { counters[Int($0)].active == 0 }) {
      try outgoing.set(slot, to: CBPF.outgoing())
    }
  }
}

extension Tables {
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
    writer.write(writes, seen: seen)
    return failures
  }

  /// Withdraws what a former agent has published and this one has no table for: to be called once all are known.
  public mutating func withdrawLeftovers(seen: Duration) {
    let unwanted = leftovers.filter { failed[$0] == nil }
    leftovers.subtract(unwanted)
    writer.write(unwanted.sorted().map { TableWrite(address: $0, entries: nil) }, seen: seen)
  }

  /// The Service addresses that have a table, or are to have one.
  public var serviceAddresses: Set<SocketAddress> { Set(published.keys).union(failed.keys) }

  /// Waits until all changes are in force that were begun: no `connect()` sees a former table any more.
  public func settle() { writer.settle() }

  /// What has come of changes since the last call: the failures, and how long each input has taken to be in force since
  /// it was seen.
  public mutating func takeOutcome(at now: Duration) -> (failures: [KernelError], durations: [Duration]) {
    let outcome = writer.takeOutcome()
    for address in outcome.failures.keys {
      guard failed[address] == nil else { continue }
      // What is there instead is not known: the table before it, or one that came later and has failed too.
      failed[address] = published[address].map(TableChange.publish) ?? .withdraw(address)
      forget(address, at: now)
      leftovers.insert(address)
    }
    return (outcome.failures.sorted { $0.key < $1.key }.map(\.value), outcome.durations)
  }
}

// MARK: - One table

extension Tables {
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
    let owner = Owner(service: service.hash, endpoint: endpoint)
    guard let (slot, isNew) = slots.assign(owner) else {
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
    for endpoint in endpoints { slots.release(Owner(service: service, endpoint: endpoint), at: now) }
  }
}

// MARK: - Counters

extension Tables {
  /// The connections that this node's clients have opened to one endpoint of a Service port.
  public func counters(
    of service: ServicePortName, _ endpoint: SocketAddress
  ) throws(KernelError) -> OutgoingCounters {
    guard let slot = slots[Owner(service: service.hash, endpoint: endpoint)] else {
      return OutgoingCounters()
    }
    return try outgoing.value(for: slot).map(OutgoingCounters.init) ?? OutgoingCounters()
  }

  /// The same of all of them, read at once.
  public func counters() throws(KernelError) -> (ServicePortName, SocketAddress) -> OutgoingCounters {
    let (values, slots) = (try outgoing.values(first: Int(slots.next)), slots)
    return { service, endpoint in
      slots[Owner(service: service.hash, endpoint: endpoint)].map { OutgoingCounters(values[Int($0)]) }
        ?? OutgoingCounters()
    }
  }
}
