/// What is going to happen, the earliest first; of what happens at the same time, what was announced first. A binary heap.
struct EventQueue<Event> {
  private var heap: [Entry] = []
  private var announced: UInt64 = 0

  private struct Entry {
    let time: Duration
    let number: UInt64
    let event: Event

    static func < (a: Entry, b: Entry) -> Bool { (a.time, a.number) < (b.time, b.number) }
  }

  mutating func add(_ event: Event, at time: Duration) {
    announced += 1
    let entry = Entry(time: time, number: announced, event: event)
    var child = heap.count
    heap.append(entry)
    while child > 0, entry < heap[(child - 1) / 2] {
      heap[child] = heap[(child - 1) / 2]
      child = (child - 1) / 2
    }
    heap[child] = entry
  }

  /// The next event that is due by `time`; nil if there is none.
  mutating func next(by time: Duration) -> (event: Event, time: Duration)? {
    guard let first = heap.first, first.time <= time, let last = heap.popLast() else { return nil }
    if !heap.isEmpty { sink(last) }
    return (first.event, first.time)
  }

  /// Puts an entry where the first was, and down to its place.
  private mutating func sink(_ entry: Entry) {
    var parent = 0
    while 2 * parent + 1 < heap.count {
      var child = 2 * parent + 1
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < entry else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = entry
  }
}
