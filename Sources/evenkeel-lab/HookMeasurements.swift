import Balancing
import Benchmark
import Datapath
import Draining
import FoundationEssentials
import Glibc
import Kernel
import Lab

/// What it costs to have programs at the hooks of connections and packets. They are attached and taken away around one and
/// the same server, with it and its client on one processor: so neither the place of a process in memory nor the scheduler
/// counts, which make more of a difference between two servers side by side, as `bench` has them, than is looked for.
struct HookMeasurements {
  let rounds: Int

  private enum Programs: CaseIterable {
    case none
    /// They do nothing: what any programs at these hooks cost.
    case empty
    /// Those of an agent in mode `balance`.
    case own

    var name: String {
      switch self {
      case .none: "none"
      case .empty: "empty programs"
      case .own: "evenkeel, tracked"
      }
    }
  }

  private enum Load: CaseIterable {
    case small, bulk, large
    /// Connect, one request, close.
    case connects

    /// Requests per second, and the processor's time of client and server together.
    var measures: (rate: Measure, time: Measure) {
      switch self {
      case .small: (.small, .smallCPU)
      case .bulk: (.bulk, .bulkCPU)
      case .large: (.large, .largeCPU)
      case .connects: (.exchanges, .exchangeCPU)
      }
    }
    /// Of an answer.
    var bytes: Int {
      switch self {
      case .small, .connects: 200
      case .bulk: 100_000
      case .large: 4_000_000
      }
    }
    /// Each sample takes a tenth of a second or so.
    var requests: Int {
      switch self {
      case .small: 15_000
      case .bulk: 1000
      case .large: 40
      case .connects: 500
      }
    }
  }

  private static let port: UInt16 = 50051

  /// For a terminal.
  func text() async throws -> String {
    "programs switched on and off, \(rounds) rounds, of none:\n\(Report.switchingTable(try await run()).text)"
  }

  /// Each kind of programs against none.
  func run() async throws -> [Report.Contender] {
    try await withLab(kubeProxy: false) { lab in
      let server = try await lab.addPods(1, named: "server")[0]
      let client = try await lab.addPods(1, named: "client")[0]
      for load in Load.allCases {
        try Data(repeating: UInt8(ascii: "x"), count: load.bytes)
          .write(to: URL(filePath: "\(lab.directory)/\(load.bytes)"))
      }
      // A client that connects thousands of times a second needs its ports again before a minute has gone.
      try await client.run(["sh", "-ec", "echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse"])
      _ = try await server.start(pinned(["nghttpd", "--no-tls", "-d", lab.directory, "\(Self.port)"]))
      let stand = Stand(node: await lab.nodes[0].cgroup.path, server: server, client: client)
      try await eventually("an answer of nghttpd", within: .seconds(20)) {
        do {
          try await client.run([Executables.own, "exchange", "--target", stand.direct, "--path", "/200"])
          return true
        } catch LabError.commandFailed {
          return false
        }
      }
      return try await measure(on: stand)
    }
  }

  /// Where it is measured.
  private struct Stand {
    /// The path of the cgroup that programs are attached to.
    let node: String
    let server: Pod
    let client: Pod

    var direct: String { "\(server.addresses.ipv4):\(HookMeasurements.port)" }
    /// The address of a Service.
    let service = "10.96.0.10:80"
  }

  private func measure(on stand: Stand) async throws -> [Report.Contender] {
    var switched = Programs.allCases.map { Report.Contender(id: "\($0)", name: $0.name, isOurs: $0 == .own) }
    for round in 0...rounds {
      var taken: [Programs: [Measure: Double]] = [:]
      // Each is the first as often as the others are.
      for programs in Programs.allCases.indices.map({ Programs.allCases[($0 + round) % Programs.allCases.count] }) {
        taken[programs] = try await samples(with: programs, on: stand)
      }
      // In the first round, caches and clock rates are not warm yet.
      guard round > 0, let none = taken[.none] else { continue }
      for (index, programs) in Programs.allCases.enumerated() {
        if let own = taken[programs] { switched[index].record(own, beside: none) }
      }
    }
    return zip(Programs.allCases, switched).filter { $0.0 != .none }.map(\.1)
  }

  private func samples(with programs: Programs, on stand: Stand) async throws -> [Measure: Double] {
    switch programs {
    case .none: return try await samples(of: stand.direct, on: stand)
    case .empty:
      let attached = try EmptyPrograms(on: Kernel.Cgroup(path: stand.node))
      let samples = try await samples(of: stand.direct, on: stand)
      withExtendedLifetime(attached) {}
      return samples
    case .own:
      let attached = try datapath(on: stand)
      let samples = try await samples(of: stand.service, on: stand)
      withExtendedLifetime(attached) {}
      return samples
    }
  }

  /// As an agent attaches them.
  private func datapath(on stand: Stand) throws -> Datapath {
    guard let service = SocketAddress(stand.service), let endpoint = SocketAddress(stand.direct) else {
      throw TrialFailure("\(stand.service) or \(stand.direct) is no address")
    }
    let now = timeSinceBoot()
    // Small maps are quick to make; how large they are costs nothing here.
    let limits = DatapathLimits(services: 64, endpoints: 64, localEndpoints: 64, connectionsPerRead: 64)
    var datapath = try Datapath(pins: nil, limits: limits, at: now)
    let name = ServicePortName(service: ServiceName(namespace: "default", name: "hooks"), port: 80)
    let table = Table(address: service, servicePort: name, policy: .leastConnections, endpoints: [endpoint])
    var failures = datapath.setLocalEndpoints([endpoint], at: now)
    failures += datapath.tables.change([.publish(table)], seen: now, at: now)
    datapath.tables.settle()
    failures += datapath.tables.takeOutcome(at: now).failures
    for failure in failures { throw failure }
    try datapath.heedGoaways(true)
    try datapath.activate(on: Kernel.Cgroup(path: stand.node))
    return datapath
  }

  private func samples(of target: String, on stand: Stand) async throws -> [Measure: Double] {
    var samples: [Measure: Double] = [:]
    for load in Load.allCases { samples.merge(try await sample(load, of: target, on: stand)) { $1 } }
    return samples
  }

  private func sample(_ load: Load, of target: String, on stand: Stand) async throws -> [Measure: Double] {
    func seconds() throws -> Double { try stand.server.cgroup.cpuSeconds() + stand.client.cgroup.cpuSeconds() }
    let before = try seconds()
    let rate: Double
    switch load {
    case .small, .bulk: rate = try await requestsPerSecond(load, of: target, by: stand.client, clients: 8, streams: 8)
    case .large: rate = try await requestsPerSecond(load, of: target, by: stand.client, clients: 4, streams: 1)
    case .connects: rate = try await connectsPerSecond(to: target, by: stand.client)
    }
    let secondsPerMillion = (try seconds() - before) / Double(load.requests) * 1e6
    return [load.measures.rate: rate, load.measures.time: secondsPerMillion]
  }

  private func requestsPerSecond(
    _ load: Load, of target: String, by client: Pod, clients: Int, streams: Int
  ) async throws -> Double {
    let flags = ["-c", "\(clients)", "-m", "\(streams)", "-n", "\(load.requests)"]
    let output = try H2LoadOutput(
      try await client.run(pinned(["h2load"] + flags + ["http://\(target)/\(load.bytes)"])))
    guard output.succeeded == load.requests else {
      throw TrialFailure("h2load of \(target)/\(load.bytes): \(output.succeeded) of \(load.requests) succeeded")
    }
    return output.requestsPerSecond
  }

  private func connectsPerSecond(to target: String, by client: Pod) async throws -> Double {
    let flags = ["--target", target, "--path", "/\(Load.connects.bytes)", "--count", "\(Load.connects.requests)"]
    let text = try await client.run(pinned([Executables.own, "exchange"] + flags))
    let outcome = try JSONDecoder().decode(ExchangeCommand.Outcome.self, from: Data(text.utf8))
    return Double(outcome.count) / outcome.seconds
  }

  /// On the last processor.
  private func pinned(_ command: [String]) -> [String] {
    ["taskset", "-c", "\(sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1)"] + command
  }
}
