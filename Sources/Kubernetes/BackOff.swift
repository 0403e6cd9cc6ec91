/// How long to wait after a failure: longer from one to the next, and each client differently.
///
/// Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/): anything up to a bound that doubles.
struct BackOff: Sendable {
  struct Settings: Sendable {
    /// The bound of the first wait.
    var first = Duration.milliseconds(800)
    var longest = Duration.seconds(30)
    /// After so long without a failure, the next is the first again.
    var health = Duration.seconds(120)
    /// A server that asks for more patience does not mean it: nothing would be heard of changes meanwhile.
    var longestRetryAfter = Duration.seconds(300)
  }

  private let settings: Settings
  private var bound: Duration
  private var healthySince: Duration?

  init(_ settings: Settings = Settings()) { (self.settings, bound) = (settings, settings.first) }

  /// Notes that all is well, now.
  mutating func succeeded(at now: Duration) { healthySince = healthySince ?? now }

  /// Notes a failure, and says how long to wait.
  ///
  /// - Parameters:
  ///   - retryAfter: What the server has asked for. The wait is added to it: all who are told the same must not come back
  ///     together.
  ///   - fraction: At random from 0 to 1.
  mutating func failed(at now: Duration, retryAfter: Duration? = nil, fraction: Double) -> Duration {
    if let healthySince, now - healthySince >= settings.health { bound = settings.first }
    healthySince = nil
    defer { bound = min(bound * 2, settings.longest) }
    return bound * fraction + min(retryAfter ?? .zero, settings.longestRetryAfter)
  }
}
