/// How long and how often is measured.
struct BenchSettings: Sendable {
  let agent: String
  let python: String
  let peers: String
  let envoy: String
  let isQuick: Bool

  var rounds: Int { isQuick ? 3 : 5 }

  /// Of small requests, for their rate and the processor time that they take, in milliseconds.
  var small: Int { isQuick ? 400 : 1500 }
  /// Of any other load.
  var load: Int { isQuick ? 250 : 700 }
  /// Connections in a round: 20,000 in all rounds together.
  var exchanges: Int { isQuick ? 500 : 4000 }
  /// Seconds of each phase of a course.
  var steady: Int { isQuick ? 3 : 4 }
  var scaleUp: Int { isQuick ? 6 : 12 }
  /// Connections of the crowds: for draining, and for tracking alone.
  var crowd: Int { isQuick ? 2000 : 10_000 }
  var tracked: Int { isQuick ? 20_000 : 100_000 }
  /// The age at which a crowd is drained.
  var crowdInterval: Int { isQuick ? 6 : 20 }
}
