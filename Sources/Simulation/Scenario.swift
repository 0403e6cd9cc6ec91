internal import Glibc

/// A cluster and what happens to it: the same for every setting that is tried on it.
///
/// Everything is spread over the nodes as a Kubernetes scheduler does, pods evenly and clients at random. Pods and clients
/// belong to one Service each, in turn.
public struct Scenario: Sendable, Equatable {
  public var nodes: Int
  public var services: Int
  /// Of all Services together, as are `podsAfterScaleUp` and `clients`.
  public var pods: Int
  /// How many pods there are from the middle of the run on; as many as `pods`: none are added.
  public var podsAfterScaleUp: Int
  /// Each has one connection at a time, and opens it anew when it is asked to go away or cut.
  public var clients: Int
  public var profile: LoadProfile
  /// How many percent of the clients do everything on one long stream, so that a drained connection keeps its load until
  /// the stream ends.
  public var streamingPercent: Double
  /// The mean length of such a stream; lengths are distributed exponentially.
  public var streamLength: Duration
  public var length: Duration
  public var seed: UInt64

  public init(
    nodes: Int = 10, services: Int = 1, pods: Int = 30, podsAfterScaleUp: Int = 45, clients: Int = 3000,
    profile: LoadProfile = .even, streamingPercent: Double = 0, streamLength: Duration = .seconds(600),
    length: Duration = .seconds(3600), seed: UInt64 = 1
  ) {
    self.nodes = nodes
    self.services = services
    self.pods = pods
    self.podsAfterScaleUp = podsAfterScaleUp
    self.clients = clients
    self.profile = profile
    self.streamingPercent = streamingPercent
    self.streamLength = streamLength
    self.length = length
    self.seed = seed
  }

  /// In the middle of the run: pods are added to all Services.
  public var scaleUp: Duration { length / 2 }
  /// After three quarters: all pods are replaced, in some batches.
  public var rollout: Duration { length * 3 / 4 }

  /// How many of so many things belong to a Service.
  func share(of total: Int, _ service: Int) -> Int { (total + services - 1 - service) / services }

  /// All clients connect within this time: after that they are as little spread in time as can be.
  static let arrival = Duration.seconds(10)
  /// The longest time until a client connects anew; the mean is half of it.
  static let reconnectDelay = Duration.milliseconds(200)
  /// How long a GOAWAY takes to be placed. Longer than any that was measured.
  static let placement = Duration.milliseconds(1)
  /// From the moment a pod turns terminating until its process ends: Kubernetes' terminationGracePeriodSeconds.
  static let terminationGrace = Duration.seconds(30)
  /// A rolling update replaces a quarter of the pods at a time, as with Kubernetes' default `maxSurge` …
  static let batches = 4
  /// … and the next quarter when those are ready.
  static let batchInterval = Duration.seconds(30)
  /// Until the last batch has ended.
  static let rolloutLength = batchInterval * (batches - 1) + terminationGrace
}

/// How much a client sends, compared with the others of its Service. The mean is always the same.
public enum LoadProfile: String, Sendable, CaseIterable {
  /// All the same.
  case even
  /// A few send ten times the median and more: log-normal with a standard deviation of 1.
  case lognormal
  /// The heaviest as 1, the second as 1/2, the third as 1/3 …: no choice of connections can make that even.
  case zipf

  /// Requests in 1,000 seconds, of each of so many clients, 10 requests a second on average.
  ///
  /// Whole numbers, so that sums do not depend on their order.
  func rates(of clients: Int, _ random: inout SeededGenerator) -> [Int] {
    var weights: [Double] = []
    for rank in 0..<clients {
      switch self {
      case .even: weights.append(1)
      case .lognormal: weights.append(exp(random.normal()))
      case .zipf: weights.append(1 / Double(rank + 1))
      }
    }
    let scale = 10_000 * Double(clients) / max(weights.reduce(0, +), 1e-9)
    return weights.map { max(1, Int(($0 * scale).rounded())) }
  }
}
