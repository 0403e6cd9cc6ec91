/// All figures of a run of the benchmark.
public struct Report: Codable, Sendable {
  public var machine: Machine
  /// In the order in which they are shown. One of them is the control.
  public var contenders: [Contender]
  /// Programs that were attached and taken away around one and the same server, against none of them.
  public var switched: [Contender]
  public var figures: [Figure]
  public var programs: [Program]
  public var courses: [Course]

  /// Where and when it ran.
  public struct Machine: Codable, Sendable {
    public var processor: String
    public var cores: Int
    public var memoryGiB: Double
    public var kernel: String
    public var date: String
    /// As /proc/loadavg has it for the minute before the run, and before the end.
    public var loadBefore: Double
    public var loadAfter: Double
    public var rounds: Int
    /// Where figures are too noisy to be quoted.
    public var isQuick: Bool
    public var seconds: Double

    public init(
      processor: String, cores: Int, memoryGiB: Double, kernel: String, date: String, loadBefore: Double,
      loadAfter: Double = 0, rounds: Int, isQuick: Bool, seconds: Double = 0
    ) {
      (self.processor, self.cores, self.memoryGiB, self.kernel) = (processor, cores, memoryGiB, kernel)
      (self.date, self.loadBefore, self.loadAfter, self.rounds) = (date, loadBefore, loadAfter, rounds)
      (self.isQuick, self.seconds) = (isQuick, seconds)
    }
  }

  /// A way from clients to pods, and what was measured of it: a value for each round.
  public struct Contender: Codable, Sendable {
    public var id: String
    public var name: String
    /// Whether it is Evenkeel, to which the targets apply.
    public var isOurs: Bool
    public private(set) var rounds: [Measure: [Double]] = [:]
    /// What the direct way had in the same moments.
    public private(set) var direct: [Measure: [Double]] = [:]

    public init(id: String, name: String, isOurs: Bool = false) {
      (self.id, self.name, self.isOurs) = (id, name, isOurs)
    }

    /// Adds a round. A measure that was not taken stays out of all rounds.
    public mutating func record(_ round: [Measure: Double], beside direct: [Measure: Double]) {
      for (measure, value) in round { rounds[measure, default: []].append(value) }
      for (measure, value) in direct { self.direct[measure, default: []].append(value) }
    }

    public func summary(_ measure: Measure) -> Summary? { Summary(rounds[measure] ?? []) }

    /// Of each round the ratio to the direct way, as both are measured by turns within a second, and a machine has
    /// faster and slower minutes.
    public func ratio(_ measure: Measure) -> Summary? { Summary(ratios(measure)) }

    /// The same, of many rounds.
    public func estimate(_ measure: Measure) -> Estimate? { Estimate(ratios(measure)) }

    private func ratios(_ measure: Measure) -> [Double] {
      zip(rounds[measure] ?? [], direct[measure] ?? []).filter { $1 > 0 }.map { $0 / $1 }
    }
  }

  /// A single figure, with what it should be.
  public struct Figure: Codable, Sendable {
    public var title: String
    public var value: Double
    public var unit: String
    public var target: Target?

    public init(_ title: String, _ value: Double, _ unit: String, _ target: Target? = nil) {
      (self.title, self.value, self.unit, self.target) = (title, value, unit, target)
    }
  }

  /// What a BPF program takes.
  public struct Program: Codable, Sendable {
    public var contender: String
    public var name: String
    public var runs: Int
    public var nanosecondsPerRun: Double
    /// Runs for each request of the load.
    public var runsPerRequest: Double

    public init(contender: String, name: String, runs: Int, nanosecondsPerRun: Double, runsPerRequest: Double) {
      (self.contender, self.name, self.runs) = (contender, name, runs)
      (self.nanosecondsPerRun, self.runsPerRequest) = (nanosecondsPerRun, runsPerRequest)
    }
  }

  /// What gRPC clients had of a contender while pods came and went.
  public struct Course: Codable, Sendable {
    public var contender: String
    /// Whether it is Evenkeel, to which the targets apply.
    public var isOurs: Bool
    public var seconds: [Second] = []
    public var phases: [Phase] = []
    /// Why calls failed, by what the client was told, in all phases.
    public var errors: [String: Int] = [:]

    public struct Second: Codable, Sendable, Equatable {
      /// Since the beginning.
      public var time: Double
      /// Requests of the busiest pod over the mean; nil in a second without requests.
      public var busiest: Double?

      public init(time: Double, busiest: Double?) { (self.time, self.busiest) = (time, busiest) }
    }

    public struct Phase: Codable, Sendable, Equatable {
      public var title: String
      public var start: Double
      public var end: Double
      public var answered: Int
      public var failed: Int

      public init(title: String, start: Double, end: Double, answered: Int, failed: Int) {
        (self.title, self.start, self.end, self.answered, self.failed) = (title, start, end, answered, failed)
      }
    }

    public init(contender: String, isOurs: Bool) { (self.contender, self.isOurs) = (contender, isOurs) }

    /// Of the seconds that lie between two times as a whole.
    public func busiest(from start: Double, to end: Double) -> Summary? {
      Summary(seconds.filter { $0.time - 1 >= start && $0.time <= end }.compactMap(\.busiest))
    }
  }

  public init(machine: Machine, contenders: [Contender]) {
    (self.machine, self.contenders) = (machine, contenders)
    (switched, figures, programs, courses) = ([], [], [], [])
  }

  /// The contender that is the direct way once more, between other pods: its ratios would be 1 if nothing but the way
  /// made a difference.
  public static let control = "direct"

  /// The contender that is the direct way with programs that do nothing: no program can cost less.
  public static let limit = "hooks"

  /// What chance alone makes of a ratio; nil where there was no control.
  public func noise(_ measure: Measure) -> Summary? {
    contenders.first { $0.id == Self.control }?.ratio(measure)
  }

  /// The direct way, as it was measured beside all contenders.
  public func direct(_ measure: Measure) -> Summary? {
    Summary(contenders.flatMap { $0.direct[measure] ?? [] })
  }
}
