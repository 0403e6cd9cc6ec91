/// How many more GOAWAYs a pod may get, so that no window of one second, wherever it begins, sees more than the pace.
///
/// An attempt counts from the moment it is handed out, because its frame may leave at any time from then on, until one
/// second after it has left. One that placed nothing counts no longer.
struct Pace: Sendable {
  static let window = Duration.seconds(1)

  /// Handed out, the outcome not known yet.
  private(set) var attempts = 0
  /// When frames left, within the last window.
  private var placed: [Duration] = []
  private(set) var lastAttempt: Duration?

  /// Nothing that could make a difference is left.
  var isIdle: Bool { attempts == 0 && placed.isEmpty && lastAttempt == nil }

  /// The earliest time at which an attempt no longer counts; nil if that is not up to time alone.
  var nextRoom: Duration? { placed.min().map { $0 + Self.window } }

  mutating func advance(to now: Duration) {
    placed.removeAll { $0 + Self.window <= now }
    if let last = lastAttempt, last + Self.window <= now { lastAttempt = nil }
  }

  /// How many attempts may be handed out now: the percentage of the connections that are open, rounded down, and at
  /// least one, less what counts already.
  func room(open: Int, percent: Double) -> Int {
    let limit = max(1, Int(Double(open) * min(max(percent, 0), 100) / 100))
    return max(0, limit - attempts - placed.count)
  }

  mutating func begin(at now: Duration) {
    attempts += 1
    lastAttempt = now
  }

  /// The attempt placed a frame at that time, or none.
  mutating func end(placed time: Duration?) {
    attempts -= 1
    if let time { placed.append(time) }
  }

  /// A frame was placed that another agent, before this one, handed out.
  mutating func adopt(placed time: Duration) { placed.append(time) }
}
