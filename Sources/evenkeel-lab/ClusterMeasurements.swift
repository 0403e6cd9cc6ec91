import Balancing
import Datapath
import Glibc
import Lab
import MockAPIServer
import StatsAPI

/// What the agent of one node takes in a large cluster: 10,000 Services with 100,000 endpoints, from an API server.
struct ClusterMeasurements {
  let agent: String

  private static let cluster = LargeCluster(services: 10_000, endpointsPerService: 10)
  /// How many slices change, and how long after each other.
  private static let events = (count: 1000, interval: Duration.milliseconds(10))

  func run() async throws -> String {
    try await withLab(kubeProxy: false, objects: .apiServer) { lab in
      let server = try await lab.objectServer()
      for number in 0..<Self.cluster.services { try server.put(Self.cluster.objects(number)) }
      let start = monotonicSeconds()
      let agent = try await lab.startAgent(agent, ["--log-level", "warning"])
      let ready = monotonicSeconds() - start
      let first = try ProcessUsage(of: agent)
      let delays = try await change(server, bpffs: lab.bpffs)
      let last = try ProcessUsage(of: agent)
      let scrape = try await StatsClient(socketPath: lab.socket).metrics()
      let scraped = try ProcessUsage(of: agent)
      return """
        cluster, 10,000 Services with 100,000 endpoints:
          from the agent's start until all tables are in the kernel:   \(rounded(ready)) s, \(rounded(first.cpuSeconds)) s of processor time
          memory then, after 1,000 events, after a scrape; the peak:   \(rounded(first.residentMegabytes)), \
        \(rounded(last.residentMegabytes)), \(rounded(scraped.residentMegabytes)); \(rounded(scraped.peakMegabytes)) MB
          from an EndpointSlice event to the kernel's table:           \(delays)
          the metrics:                                                 \(scrape.utf8.count) bytes
        """
    }
  }

  /// Replaces one pod of random Services, at a constant rate, and finds out when each is in the kernel's table.
  private func change(_ server: MockAPIServer, bpffs: String) async throws -> Delays {
    var delays = Delays()
    var next = ContinuousClock.now
    for (generation, service) in (0..<Self.cluster.services).shuffled().prefix(Self.events.count).enumerated() {
      let slice = Self.cluster.changedSlice(service, generation: generation % 8 + 1)
      guard let address = SocketAddress("\(Self.cluster.address(service)):80") else { continue }
      let before = try Pins.table(of: address, bpffs: bpffs)
      // What the server takes to read the object and to send the event is part of the delay.
      let start = monotonicSeconds()
      try server.put(slice)
      while try Pins.table(of: address, bpffs: bpffs) == before {
        guard monotonicSeconds() - start < 10 else { throw MeasurementError("no table of \(address) within 10 s") }
        usleep(50)  // a task that sleeps wakes up milliseconds late
      }
      delays.add(monotonicSeconds() - start)
      next = max(next + Self.events.interval, .now)
      try await Task.sleep(until: next)
    }
    return delays
  }
}

struct MeasurementError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Many delays, in seconds.
private struct Delays: CustomStringConvertible {
  private var all: [Double] = []

  mutating func add(_ delay: Double) { all.append(delay) }

  var description: String {
    let sorted = all.sorted()
    func quantile(_ share: Double) -> String {
      sorted.isEmpty ? "?" : rounded(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] * 1000)
    }
    return "\(quantile(0.5)) ms, p99 \(quantile(0.99)) ms, at most \(quantile(1)) ms (\(sorted.count) events)"
  }
}
