/// How long and how often is measured, and with which programs.
struct BenchSettings: Sendable {
  let agent: String
  let python: String
  let peers: String
  let haproxy: String
  let nginx: String
  let envoy: String
  let isQuick: Bool

  var rounds: Int { isQuick ? 2 : 5 }
  /// How often a contender is measured in a round; the direct way once more than that. More often where it matters
  /// whether a hundredth is missing.
  func slices(of contender: any Contender) -> Int { isQuick ? 1 : contender.isNearDirect ? 3 : 2 }

  /// How often programs are switched on and off, each in a second and a half: a few times would tell nothing.
  var switchings: Int { isQuick ? 0 : 20 }

  /// Of the loads, in milliseconds.
  struct Times {
    let warmUp, small, many, single, bulk, large: Int
  }
  var times: Times {
    isQuick
      ? Times(warmUp: 50, small: 100, many: 50, single: 70, bulk: 50, large: 70)
      : Times(warmUp: 100, small: 150, many: 60, single: 110, bulk: 80, large: 100)
  }
  /// Connections in a slice: 20,000 in all rounds together.
  var exchanges: Int { isQuick ? 200 : 1334 }

  /// What a course takes, in seconds. In a full run the name server was asked more than 30 s before the first pod goes:
  /// gRPC's C-core asks it no sooner again.
  struct CourseTimes {
    let steady, scaleUp, replacement, preStop: Int
    /// How many clients there are of the kind that calls most often.
    let fewClients: Int
    /// How many courses at the same time.
    let together: Int
  }
  var course: CourseTimes {
    isQuick
      ? CourseTimes(steady: 3, scaleUp: 6, replacement: 1, preStop: 2, fewClients: 40, together: 4)
      : CourseTimes(steady: 6, scaleUp: 18, replacement: 3, preStop: 4, fewClients: 120, together: 2)
  }

  /// How long an agent at rest is looked at, in seconds.
  var idle: Int { isQuick ? 3 : 10 }
  /// Connections of the crowds: for draining, and for tracking alone.
  var crowd: Int { isQuick ? 2000 : 10_000 }
  var tracked: Int { isQuick ? 20_000 : 100_000 }
  /// The age at which a crowd is drained.
  var crowdInterval: Int { isQuick ? 4 : 20 }
}
