internal import Balancing
internal import CBPF
internal import Dispatch
internal import Kernel
internal import Synchronization

/// Stores tables in the map `services` without making the caller wait.
///
/// Whoever changes a map of maps is made to wait until no program uses what was there before: some milliseconds, whether
/// for one table or for hundreds. So what comes in the meantime is stored together, and several such waits go on side by
/// side; but at one address, one after the other.
final class TableWriter: Sendable {
  let services: BPFMap<socket_address, Int32>
  private let state: Mutex<State>
  private let lanes: [DispatchQueue]
  /// What has been enqueued and is not in force yet.
  private let unsettled = DispatchGroup()

  /// So many waits at once. More than events come within one wait, even while many Services are rolled out.
  private static let laneCount = 8
  /// So many tables at most are stored by one call, each with a descriptor that is open meanwhile: all lanes together stay
  /// well below the 1,024 that a process may have where nobody says otherwise.
  private static let batch = 64

  struct State {
    var queue = WriteQueue()
    var idleLanes = Array(0..<laneCount)
    var outcome = WriteOutcome()
  }

  init(_ services: consuming BPFMap<socket_address, Int32>) {
    self.services = services
    state = Mutex(State())
    lanes = (0..<Self.laneCount).map { DispatchQueue(label: "evenkeel.tables.\($0)") }
  }

  /// Has these changes made, in the place of those of the same addresses that are still to be made.
  ///
  /// - Parameter seen: when what they follow from was seen.
  func write(_ changes: [TableWrite], seen: Duration) {
    guard !changes.isEmpty else { return }
    unsettled.enter()
    state.withLock { $0.queue.add(changes, seen: seen) }
    startLanes()
    unsettled.leave()
  }

  /// Waits until all changes are made.
  func settle() { unsettled.wait() }

  /// What has come of the changes since the last call.
  func takeOutcome() -> WriteOutcome {
    state.withLock { state in
      defer { state.outcome = WriteOutcome() }
      return state.outcome
    }
  }

  private func startLanes() {
    state.withLock { state in
      while let lane = state.idleLanes.last {
        let batch = state.queue.take(Self.batch)
        guard !batch.isEmpty else { return }
        state.idleLanes.removeLast()
        lanes[lane].async(group: unsettled) { self.run(batch, on: lane) }
      }
    }
  }

  private func run(_ batch: [TableWrite], on lane: Int) {
    let failures = store(batch)
    state.withLock { state in
      let now = timeSinceBoot()
      state.outcome.durations += state.queue.end(batch).map { now - $0 }
      state.outcome.failures.merge(failures) { _, new in new }
      state.idleLanes.append(lane)
    }
    startLanes()
  }

  /// Point of no return: the update of `services`, before which nobody sees the new tables, and after which nobody the old.
  private func store(_ batch: [TableWrite]) -> [SocketAddress: KernelError] {
    var failures: [SocketAddress: KernelError] = [:]
    var tables: [(address: SocketAddress, array: SharedMap<UInt32, TableEntry>)] = []
    var withdrawn: [SocketAddress] = []
    for write in batch {
      guard let entries = write.entries else {
        withdrawn.append(write.address)
        continue
      }
      do throws(KernelError) {
        tables.append((write.address, SharedMap(try BPFMap.array(named: "table", holding: entries))))
      } catch { failures[write.address] = error }
    }
    for (position, failure) in services.remove(withdrawn.map(socket_address.init)) {
      failures[withdrawn[position]] = failure
    }
    for (position, failure) in services.set(tables.map { socket_address($0.address) }, to: tables.map(\.array)) {
      failures[tables[position].address] = failure
    }
    return failures
  }
}

/// One change of the map `services`.
struct TableWrite: Sendable, Equatable {
  let address: SocketAddress
  /// Nil: the table is withdrawn.
  let entries: [TableEntry]?
}

/// What has come of the changes that were to be made.
struct WriteOutcome: Sendable, Equatable {
  /// What stays as it was.
  var failures: [SocketAddress: KernelError] = [:]
  /// For each input of which all changes have been made, how long that took since it was seen.
  var durations: [Duration] = []
}

/// Changes that are still to be made, the first first, and at each address the last only.
struct WriteQueue {
  private var waiting: [SocketAddress: (write: TableWrite, inputs: [Duration])] = [:]
  private var order: [SocketAddress] = []
  private var inFlight: [SocketAddress: [Duration]] = [:]
  /// By when an input was seen, how many of its changes are still to be made.
  private var open: [Duration: Int] = [:]

  mutating func add(_ writes: [TableWrite], seen: Duration) {
    for write in writes {
      let former = waiting[write.address]?.inputs
      if former == nil { order.append(write.address) }
      waiting[write.address] = (write, (former ?? []) + [seen])
      open[seen, default: 0] += 1
    }
  }

  /// At most `limit` of them that can be made now: at no address where another is being made.
  mutating func take(_ limit: Int) -> [TableWrite] {
    var taken: [TableWrite] = []
    order.removeAll { address in
      guard taken.count < limit, inFlight[address] == nil, let (write, inputs) = waiting.removeValue(forKey: address)
      else { return false }
      taken.append(write)
      inFlight[address] = inputs
      return true
    }
    return taken
  }

  /// They have been made, or have failed. Returns the inputs of which nothing is left to be made.
  mutating func end(_ batch: [TableWrite]) -> [Duration] {
    var settled: [Duration] = []
    for input in batch.compactMap({ inFlight.removeValue(forKey: $0.address) }).joined() {
      guard let left = open[input] else { continue }
      open[input] = left > 1 ? left - 1 : nil
      if left == 1 { settled.append(input) }
    }
    return settled
  }
}
