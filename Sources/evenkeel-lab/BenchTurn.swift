import Benchmark
import FoundationEssentials
import Glibc
import Lab

/// One contender's turn in a round: by turns with the direct way, in slices of some hundred milliseconds, so that both
/// see the same minute of the machine.
struct BenchTurn {
  /// The direct way, on a node that knows of no contender.
  let direct: Side
  let own: Side
  let loads: [Load]
  /// How often the contender has its turn; the direct way has one more.
  let slices: Int

  /// A way that is in force, and where.
  struct Side: Sendable {
    let stage: BenchStage
    let way: Way
  }

  /// Puts the contender in force, does something with it, and takes it out of force whatever comes.
  static func with<Result>(
    _ contender: any Contender, on stage: BenchStage, _ body: (Way) async throws -> Result
  ) async throws -> Result {
    do {
      let way = try await contender.setUp(on: stage)
      do {
        try await stage.waitUntilServed(way.all + [way.one])
        let result = try await body(way)
        try await way.tearDown()
        return result
      } catch {
        try? await way.tearDown()
        throw error
      }
    } catch {
      throw TrialFailure("\(contender.name): \(error)")
    }
  }

  enum Load: CaseIterable {
    case small, many, single, exchanges, bulk, large

    static let few: [Load] = [.small, .many, .single, .exchanges]
  }

  func run() async throws -> (own: [Measure: Double], direct: [Measure: Double]) {
    // Sockets, caches and clock rates are warm before anything counts.
    for side in [direct, own] { try await side.warmUp() }
    var result: (own: [Measure: Double], direct: [Measure: Double]) = ([:], [:])
    for load in loads {
      var taken: (own: [[Measure: Double]], direct: [[Measure: Double]]) = ([], [])
      // The direct way first and last: what changes steadily counts for both alike.
      for _ in 0..<slices {
        taken.direct.append(try await direct.slice(load))
        taken.own.append(try await own.slice(load))
      }
      taken.direct.append(try await direct.slice(load))
      result.own.merge(taken.own.medians) { $1 }
      result.direct.merge(taken.direct.medians) { $1 }
    }
    return result
  }
}

extension BenchTurn.Side {
  private var times: BenchSettings.Times { stage.settings.times }

  fileprivate func warmUp() async throws {
    try await stage.h2load(way.one, "small", clients: 8, streams: 8, milliseconds: times.warmUp)
  }

  fileprivate func slice(_ load: BenchTurn.Load) async throws -> [Measure: Double] {
    switch load {
    case .small: try await small()
    case .many: try await many()
    case .single: try await single()
    case .exchanges: try await exchanges()
    case .bulk: try await bulk()
    case .large: try await large()
    }
  }

  private func small() async throws -> [Measure: Double] {
    let before = try CPUTimes(stage, way)
    let output = try await stage.h2load(way.one, "small", clients: 8, streams: 8, milliseconds: times.small)
    let taken = try CPUTimes(stage, way) - before
    let millions = Double(output.succeeded) / 1e6
    var measures: [Measure: Double] = [
      .small: output.requestsPerSecond, .machineCPU: taken.machine / millions, .clientCPU: taken.client / millions,
      .serverCPU: taken.server / millions,
    ]
    if way.proxy != nil { measures[.proxyCPU] = taken.proxy / millions }
    return measures
  }

  private func many() async throws -> [Measure: Double] {
    let latencies = try await stage.latencies(way.one, clients: 8, streams: 8, milliseconds: times.many)
    return quantiles(latencies, .smallMedian, .smallTail)
  }

  private func single() async throws -> [Measure: Double] {
    let latencies = try await stage.latencies(way.one, clients: 1, streams: 1, milliseconds: times.single)
    return quantiles(latencies, .oneMedian, .oneTail)
  }

  private func quantiles(_ latencies: Latencies, _ median: Measure, _ tail: Measure) -> [Measure: Double] {
    [median: latencies.quantile(0.5) ?? .nan, tail: latencies.quantile(0.99) ?? .nan]
  }

  private func bulk() async throws -> [Measure: Double] {
    let load = try await stage.h2load(way.one, "bulk", clients: 8, streams: 8, milliseconds: times.bulk)
    return [.bulk: load.requestsPerSecond]
  }

  private func large() async throws -> [Measure: Double] {
    let load = try await stage.h2load(way.one, "large", clients: 4, streams: 1, milliseconds: times.large)
    return [.large: load.requestsPerSecond]
  }

  private func exchanges() async throws -> [Measure: Double] {
    let outcome = try await stage.exchange(with: way.all, count: stage.settings.exchanges)
    return [.exchanges: Double(outcome.count) / outcome.seconds, .exchangeMedian: outcome.median]
  }
}

/// Processor time that was taken so far, in seconds.
struct CPUTimes {
  /// Of the whole machine: what is not idle.
  var machine: Double
  var client: Double
  var server: Double
  var proxy: Double

  init(_ stage: BenchStage, _ way: Way) throws {
    client = try stage.load.cgroup.cpuSeconds()
    server = try stage.servers[0].cgroup.cpuSeconds()
    proxy = try way.proxy?.cgroup.cpuSeconds() ?? 0
    machine = try Self.busySeconds()
  }

  /// What all cores had, less what was idle, waited for disks, or was stolen: those the kernel measures, where it only
  /// samples the rest (/proc/stat, proc_stat(5)).
  private static func busySeconds() throws -> Double {
    let text = try String(contentsOfFile: "/proc/stat", encoding: .utf8)
    let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap { Double($0) }
    guard fields.count > 7 else { throw TrialFailure("/proc/stat does not begin with the times of all processors") }
    let idle = (fields[3] + fields[4] + fields[7]) / Double(sysconf(Int32(_SC_CLK_TCK)))
    return monotonicSeconds() * Double(ProcessInfo.processInfo.activeProcessorCount) - idle
  }

  static func - (a: CPUTimes, b: CPUTimes) -> CPUTimes {
    var difference = a
    difference.machine -= b.machine
    difference.client -= b.client
    difference.server -= b.server
    difference.proxy -= b.proxy
    return difference
  }
}
