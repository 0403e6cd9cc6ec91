internal import Clibbpf
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A Linux capability, by its number in <linux/capability.h>.
public enum Capability: Int, Sendable, CaseIterable {
  case netAdmin = 12
  case sysPtrace = 19
  case sysAdmin = 21
  case perfmon = 38
  case bpf = 39

  public var name: String {
    switch self {
    case .netAdmin: "CAP_NET_ADMIN"
    case .sysPtrace: "CAP_SYS_PTRACE"
    case .sysAdmin: "CAP_SYS_ADMIN"
    case .perfmon: "CAP_PERFMON"
    case .bpf: "CAP_BPF"
    }
  }

  /// What a process may do. CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON (capabilities(7)).
  ///
  /// `status` is the text of /proc/self/status.
  public static func effective(in status: String) -> Set<Capability> {
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let bits = line.flatMap { UInt64($0.dropFirst(7).filter { !$0.isWhitespace }, radix: 16) } ?? 0
    let held = allCases.filter { bits >> UInt64($0.rawValue) & 1 == 1 }
    return Set(held).union(held.contains(.sysAdmin) ? [.bpf, .perfmon] : [])
  }
}

/// Facts about the machine.
public enum Machine {
  /// The kernel's release, as `uname -r` prints it.
  public static func kernelRelease() -> String { uname(\.release) }

  /// The machine's name, as `uname -n` prints it.
  public static func hostName() -> String { uname(\.nodename) }

  private static func uname<Text>(_ field: KeyPath<utsname, Text>) -> String {
    var name = utsname()
    Glibc.uname(&name)
    return withUnsafeBytes(of: name[keyPath: field]) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  public static func processID() -> Int32 { getpid() }

  /// The whole of a small text file, as those in /proc.
  public static func text(of path: String) throws(KernelError) -> String {
    let file = try Descriptor(opening: path)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = try check("read \(path)") { CInt(read(file.raw, &chunk, chunk.count)) }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<Int(count)]
    }
  }
}

/// A BPF program that is attached somewhere.
public struct AttachedProgram: Sendable, Hashable {
  public let id: UInt32
  /// As the kernel keeps it: at most 15 characters.
  public let name: String

  /// The programs that run for `connect` in a cgroup: its own and its ancestors'.
  public static func onConnect(in cgroup: borrowing Cgroup) throws(KernelError) -> [AttachedProgram] {
    var programs: [AttachedProgram] = []
    for hook in [BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT] {
      var ids = [UInt32](repeating: 0, count: 64)
      var count = UInt32(ids.count)
      try check("ask for programs attached to \(cgroup.path)") {
        bpf_prog_query(cgroup.descriptor.raw, hook, UInt32(BPF_F_QUERY_EFFECTIVE), nil, &ids, &count)
      }
      programs += try ids.prefix(Int(count)).map { id throws(KernelError) in try AttachedProgram(id: id) }
    }
    return programs
  }

  private init(id: UInt32) throws(KernelError) {
    let program = Descriptor(owning: try check("open program \(id)") { bpf_prog_get_fd_by_id(id) })
    var info = bpf_prog_info()
    var size = UInt32(MemoryLayout<bpf_prog_info>.size)
    try check("inspect program \(id)") { bpf_obj_get_info_by_fd(program.raw, &info, &size) }
    self.id = id
    name = withUnsafeBytes(of: info.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
