internal import Datapath
internal import Kernel
internal import Shim

/// What a node needs for Evenkeel, looked at without an agent.
public struct Check: Sendable, Codable, Equatable {
  /// What was looked at.
  public var name: String
  public var result: Result
  /// What was found.
  public var detail: String
  /// What is lost by it, and what to do; nil (`null`) where all is well.
  public var advice: String?

  public enum Result: String, Sendable, Codable {
    case ok
    /// It works, but look at it.
    case warning
    /// Something that is needed is missing.
    case missing
  }

  /// All checks, in an order in which the first that is missing is the one to mend first.
  ///
  /// - Parameters:
  ///   - cgroup: nil: the mounted root of cgroup v2.
  ///   - selfTestServer: the command that runs `SelfTestServer`.
  public static func all(cgroup: String?, bpffs: String, selfTestServer: [String]) async -> [Check] {
    let cgroup = cgroup ?? (try? Machine.text(of: "/proc/self/mounts")).flatMap(FileSystem.cgroupMount)
    var checks = [kernel(), types(), hierarchy(cgroup), fileSystem(bpffs)] + capabilities()
    guard let cgroup else { return checks }
    checks.append(spread(bpffs))
    checks.append(await drain(below: cgroup, selfTestServer))
    checks.append(others(on: cgroup, bpffs))
    checks.append(maps(bpffs))
    return checks
  }

  private init(_ name: String, _ result: Result, _ detail: String, advice: String? = nil) {
    (self.name, self.result, self.detail, self.advice) = (name, result, detail, advice)
  }

  private static func kernel() -> Check {
    let release = Machine.kernelRelease()
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    let isNewEnough = numbers.count == 2 && (numbers[0], numbers[1]) >= (5, 18)
    return Check(
      "kernel", isNewEnough ? .ok : .missing, "Linux \(release)",
      advice: isNewEnough ? nil : "5.18 is needed (bpf_set_retval in connect hooks): nothing works")
  }

  private static func types() -> Check {
    let path = "/sys/kernel/btf/vmlinux"
    guard (try? Descriptor(opening: path)) != nil else {
      return Check(
        "types", .missing, "no \(path)", advice: "a kernel with CONFIG_DEBUG_INFO_BTF is needed: nothing works")
    }
    return Check("types", .ok, path)
  }

  private static func hierarchy(_ cgroup: String?) -> Check {
    guard let cgroup else {
      return Check(
        "cgroup v2", .missing, "not mounted",
        advice: "mount -t cgroup2 none /sys/fs/cgroup, or boot with systemd.unified_cgroup_hierarchy=1: nothing works")
    }
    do {
      _ = try Cgroup(path: cgroup)
      return Check("cgroup v2", .ok, cgroup)
    } catch {
      return Check("cgroup v2", .missing, "\(error)", advice: "name a cgroup v2 directory with --cgroup: nothing works")
    }
  }

  private static func fileSystem(_ bpffs: String) -> Check {
    guard (try? FileSystem.type(of: bpffs)) == .bpf else {
      return Check(
        "bpffs", .missing, "\(bpffs) is not a BPF file system",
        advice: "mount -t bpf bpf \(bpffs): without it nothing outlives the agent, and it does not start")
    }
    return Check("bpffs", .ok, bpffs)
  }

  private static func capabilities() -> [Check] {
    let held = (try? Machine.text(of: "/proc/self/status")).map(Capability.effective) ?? []
    let needed: [(Capability, String)] = [
      (.bpf, "no program can be loaded: nothing works"),
      (.netAdmin, "no program can be attached to cgroups: nothing works"),
      (.perfmon, "sockets cannot be listed: nothing works"),
      (.sysPtrace, "servers' sockets cannot be borrowed: connections are spread, and never drained"),
    ]
    return needed.map { capability, cost in
      held.contains(capability)
        ? Check(capability.name, .ok, "held") : Check(capability.name, .missing, "not held", advice: cost)
    }
  }

  private static func spread(_ bpffs: String) -> Check {
    do {
      let limits = DatapathLimits(services: 1, endpoints: 1, localEndpoints: 1)
      _ = try Datapath(pins: nil, limits: limits, at: timeSinceBoot())
      return Check("spread", .ok, "the kernel takes the programs")
    } catch {
      return Check("spread", .missing, "\(error)", advice: "the kernel refuses the programs: nothing works")
    }
  }

  private static func drain(below cgroup: String, _ server: [String]) async -> Check {
    do {
      try await SelfTest.run(below: cgroup, server: server)
      return Check("drain", .ok, "a GOAWAY was placed between two frames, and none inside one")
    } catch {
      return Check("drain", .missing, "\(error)", advice: "connections are spread, and never drained")
    }
  }

  /// What agents have pinned on this node, if any: a full map takes nothing new.
  private static func maps(_ bpffs: String) -> Check {
    do {
      let usage = try Pins.usage(bpffs: bpffs)
      let full = usage.filter { $0.entries >= $0.maxEntries }.map(\.map)
      let detail = usage.map { "\($0.map) \($0.entries) of \($0.maxEntries)" }.joined(separator: ", ")
      return Check(
        "maps", full.isEmpty ? .ok : .warning, detail.isEmpty ? "none pinned" : detail,
        advice: full.isEmpty
          ? nil
          : "full: \(full.joined(separator: ", ")). What is in them stays; what is new is not spread or not drained: "
            + "raise --max-services or --max-endpoints")
    } catch {
      return Check("maps", .warning, "\(error)", advice: "what agents have pinned cannot be read")
    }
  }

  /// Others that rewrite connect(): with all of them in force, whoever comes first takes the Service addresses.
  private static func others(on cgroup: String, _ bpffs: String) -> Check {
    do {
      let own = try Pins.programs(bpffs: bpffs)
      let others = try AttachedProgram.onConnect(in: Cgroup(path: cgroup)).filter { !own.contains($0.id) }
      guard others.isEmpty else {
        let names = Set(others.map(\.name)).sorted().joined(separator: ", ")
        let isCilium = others.contains { $0.name.hasPrefix("cil_") }
        return Check(
          "other programs", .warning, names,
          advice: isCilium
            ? "Cilium's socket load balancer takes Service addresses first: set socketLB.enabled=false, or nothing is spread here"
            : "they see connect() too, and may take Service addresses first")
      }
      return Check("other programs", .ok, "none on connect()")
    } catch {
      return Check("other programs", .warning, "\(error)", advice: "conflicts with others would not be seen")
    }
  }
}
