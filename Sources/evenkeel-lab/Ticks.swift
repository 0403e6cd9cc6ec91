/// Rounds of draining, as the metrics have them.
struct Ticks: CustomStringConvertible {
  private(set) var count = 0.0
  private var seconds = 0.0
  /// Of 20 ms at most.
  private var short = 0.0

  init(_ metrics: String) {
    func value(_ name: String) -> Double {
      let line = metrics.split(separator: "\n").first { $0.hasPrefix("evenkeel_tick_duration_seconds_\(name) ") }
      return line.flatMap { Double($0.split(separator: " ")[1]) } ?? .nan
    }
    (count, seconds, short) = (value("count"), value("sum"), value("bucket{le=\"0.02\"}"))
  }

  static func - (a: Ticks, b: Ticks) -> Ticks {
    var difference = a
    difference.count -= b.count
    difference.seconds -= b.seconds
    difference.short -= b.short
    return difference
  }

  /// Of one, on average.
  var milliseconds: Double { seconds / count * 1000 }

  var description: String {
    "\(Int(count)) ticks of \(rounded(milliseconds)) ms (\(Int(count - short)) above 20 ms)"
  }
}
