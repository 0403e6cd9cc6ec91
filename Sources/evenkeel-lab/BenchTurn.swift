import Benchmark
import FoundationEssentials
import Glibc
import Lab

/// One contender's turn in a round.
struct BenchTurn {
  let stage: BenchStage
  let contender: any Contender

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

  func run() async throws -> (measures: [Measure: Double], way: Way) {
    try await Self.with(contender, on: stage) { way in
      // Sockets, caches and clock rates are warm before anything counts.
      try await stage.h2load(way.one, "small", clients: 8, streams: 8, milliseconds: 150)
      var measures = try await small(way)
      measures.merge(try await latency(way)) { $1 }
      if contender.takesAllMeasures {
        measures[.bulk] = try await rate(way, "bulk", clients: 8, streams: 8)
        measures[.large] = try await rate(way, "large", clients: 4, streams: 1)
      }
      let exchanges = try await stage.exchange(with: way.all, count: stage.settings.exchanges)
      measures[.exchanges] = Double(exchanges.count) / exchanges.seconds
      measures[.exchangeMedian] = exchanges.median
      return (measures, way)
    }
  }

  private func rate(_ way: Way, _ file: String, clients: Int, streams: Int) async throws -> Double {
    let output = try await stage.h2load(
      way.one, file, clients: clients, streams: streams, milliseconds: stage.settings.load)
    return output.requestsPerSecond
  }

  private func small(_ way: Way) async throws -> [Measure: Double] {
    let before = try CPUTimes(stage, way)
    let output = try await stage.h2load(
      way.one, "small", clients: 8, streams: 8, milliseconds: stage.settings.small)
    let taken = try CPUTimes(stage, way) - before
    let millions = Double(output.succeeded) / 1e6
    var measures: [Measure: Double] = [
      .small: output.requestsPerSecond, .machineCPU: taken.machine / millions, .clientCPU: taken.client / millions,
      .serverCPU: taken.server / millions,
    ]
    if way.proxy != nil { measures[.proxyCPU] = taken.proxy / millions }
    return measures
  }

  private func latency(_ way: Way) async throws -> [Measure: Double] {
    let many = try await stage.latencies(way.one, clients: 8, streams: 8, milliseconds: stage.settings.load / 2)
    let single = try await stage.latencies(way.one, clients: 1, streams: 1, milliseconds: stage.settings.load)
    let quantiles = [
      (Measure.smallMedian, many, 0.5), (.smallTail, many, 0.99), (.oneMedian, single, 0.5), (.oneTail, single, 0.99),
    ]
    return quantiles.reduce(into: [:]) { $0[$1.0] = $1.1.quantile($1.2) }
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
