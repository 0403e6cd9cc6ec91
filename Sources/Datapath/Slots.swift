/// Which entry of a BPF array belongs to whom.
///
/// An owner that is released keeps its entry for a while: sockets in the kernel may still count there, and one that
/// comes back goes on with its counters.
struct Slots<Owner: Hashable> {
  private var slots: [Owner: UInt32] = [:]
  private var free: [UInt32] = []
  /// All entries from here on have never been used.
  private(set) var next: UInt32 = 0
  private let capacity: Int
  private var released: [Owner: Duration] = [:]

  /// How long a released entry is left alone at the least. A `connect()` that has chosen an endpoint sends its SYN far
  /// sooner.
  static var quarantine: Duration { .seconds(60) }

  /// `existing`: what a former agent has assigned. All of it counts as released until it is assigned again.
  init(capacity: Int, existing: [Owner: UInt32] = [:], at now: Duration = .zero) {
    self.capacity = capacity
    slots = existing
    next = (existing.values.max().map { $0 + 1 }) ?? 0
    let used = Set(existing.values)
    free = (0..<next).filter { !used.contains($0) }
    released = existing.mapValues { _ in now }
  }

  var count: Int { slots.count }
  var owners: some Sequence<Owner> { slots.keys }

  subscript(owner: Owner) -> UInt32? { slots[owner] }

  /// The owner's entry, and whether it is new. Nil: there is none left.
  mutating func assign(_ owner: Owner) -> (slot: UInt32, isNew: Bool)? {
    released[owner] = nil
    if let slot = slots[owner] { return (slot, false) }
    guard let slot = free.popLast() ?? (next < capacity ? next : nil) else { return nil }
    if slot == next { next += 1 }
    slots[owner] = slot
    return (slot, true)
  }

  mutating func release(_ owner: Owner, at now: Duration) {
    if slots[owner] != nil && released[owner] == nil { released[owner] = now }
  }

  /// Takes back the entries of which nothing in the kernel is left. Returns them: they are to be cleared.
  mutating func reclaim(at now: Duration, isIdle: (UInt32) -> Bool) -> [UInt32] {
    var reclaimed: [UInt32] = []
    for (owner, since) in released where now - since >= Self.quarantine {
      guard let slot = slots[owner], isIdle(slot) else { continue }
      slots[owner] = nil
      released[owner] = nil
      reclaimed.append(slot)
    }
    free += reclaimed
    return reclaimed
  }
}
