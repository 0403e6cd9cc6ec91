import Balancing

/// A connection that may be handed out. The smaller one comes first in its pod: the more urgent, then the busier, then
/// the older.
struct Candidate: Comparable {
  let reason: DrainReason
  /// Of its load.
  let magnitude: Int
  let established: Duration
  let connection: UInt64

  static func < (a: Candidate, b: Candidate) -> Bool {
    (a.reason, -a.magnitude, a.established, a.connection) < (b.reason, -b.magnitude, b.established, b.connection)
  }
}

/// The first few of many candidates, in order, found in one pass.
struct Shortlist {
  let capacity: Int
  private(set) var candidates: [Candidate] = []

  init(capacity: Int) { self.capacity = capacity }

  mutating func add(_ candidate: Candidate) {
    if candidates.count >= capacity {
      guard let last = candidates.last, candidate < last else { return }
      candidates.removeLast()
    }
    candidates.insert(candidate, at: position(of: candidate))
  }

  /// By binary search: the index of the first that is not before the candidate.
  private func position(of candidate: Candidate) -> Int {
    var range = candidates.startIndex..<candidates.endIndex
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range = candidates[middle] < candidate ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound
  }
}

/// A candidate in the order of all pods: the most urgent reasons first; within a reason one of each pod in turn,
/// beginning with the busiest pod, and of equals with the one whose last attempt is the longest ago.
struct Turn: Comparable {
  let candidate: Candidate
  let endpoint: SocketAddress
  /// How many candidates of its pod come before it.
  let round: Int
  /// Of its pod's load.
  let magnitude: Int
  let lastAttempt: Duration

  static func < (a: Turn, b: Turn) -> Bool {
    (a.candidate.reason, a.round, -a.magnitude, a.lastAttempt, a.candidate)
      < (b.candidate.reason, b.round, -b.magnitude, b.lastAttempt, b.candidate)
  }
}
