/// Which entry of a BPF array belongs to whom.
///
/// An owner may use its entry for several things. Once all of them have released it, it keeps the entry for a while:
/// sockets in the kernel may still count there, and an owner that comes back goes on with its counters.
struct Slots<Owner: Hashable> {
  private var slots: [Owner: (slot: UInt32, uses: UInt32)] = [:]
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
    slots = existing.mapValues { ($0, 0) }
    next = (existing.values.max().map { $0 + 1 }) ?? 0
    let used = Set(existing.values)
    free = (0..<next).filter { !used.contains($0) }
    released = existing.mapValues { _ in now }
  }

  /// The same, where `existing` follows from an array's entries; nil: nobody has the entry.
  init<Entry>(capacity: Int, entries: [Entry], at now: Duration, _ owner: (Entry) -> Owner?) {
    var existing: [Owner: UInt32] = [:]
    for (index, entry) in entries.enumerated() {
      if let owner = owner(entry) { existing[owner] = UInt32(index) }
    }
    self.init(capacity: capacity, existing: existing, at: now)
  }

  var count: Int { slots.count }

  subscript(owner: Owner) -> UInt32? { slots[owner]?.slot }

  func isUsed(_ owner: Owner) -> Bool { slots[owner].map { $0.uses > 0 } ?? false }

  /// The owner's entry for one use more, and whether it is new. Nil: there is none left.
  mutating func assign(_ owner: Owner) -> (slot: UInt32, isNew: Bool)? {
    if let index = slots.index(forKey: owner) {
      if slots.values[index].uses == 0 { released[owner] = nil }
      slots.values[index].uses += 1
      return (slots.values[index].slot, false)
    }
    guard let slot = free.popLast() ?? (next < capacity ? next : nil) else { return nil }
    if slot == next { next += 1 }
    slots[owner] = (slot, 1)
    return (slot, true)
  }

  /// Ends one use.
  mutating func release(_ owner: Owner, at now: Duration) {
    guard let index = slots.index(forKey: owner), slots.values[index].uses > 0 else { return }
    slots.values[index].uses -= 1
    if slots.values[index].uses == 0 { released[owner] = now }
  }

  /// Takes back the entries of which nothing in the kernel is left. Returns them: they are to be cleared.
  mutating func reclaim(at now: Duration, isIdle: (UInt32) -> Bool) -> [UInt32] {
    var reclaimed: [UInt32] = []
    for (owner, since) in released where now - since >= Self.quarantine {
      guard let slot = self[owner], isIdle(slot) else { continue }
      slots[owner] = nil
      released[owner] = nil
      reclaimed.append(slot)
    }
    free += reclaimed
    return reclaimed
  }
}
