internal import Clibbpf
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// Has the kernel count how often BPF programs run and how long they take, all that there are, as long as it lives: at
/// rest they are not counted, as that takes time itself (BPF_ENABLE_STATS, Linux 5.8).
public struct RunTimeCounting: ~Copyable, Sendable {
  private let descriptor: Descriptor

  public init() throws(KernelError) {
    descriptor = Descriptor(
      owning: try check("count the run time of BPF programs", advice: "it needs CAP_SYS_ADMIN") {
        bpf_enable_stats(BPF_STATS_RUN_TIME)
      })
  }

  /// What a program has taken while it was counted.
  public struct Program: Sendable, Equatable {
    public let id: UInt32
    /// At most 15 characters, as the kernel keeps it.
    public let name: String
    public let runs: UInt64
    public let nanoseconds: UInt64
  }

  /// What a program has taken so far. The corresponding C function is `bpf_prog_get_info_by_fd`.
  ///
  /// - Throws: `KernelError` with `noSuchFileOrDirectory` if there is none of this number (any more).
  public func program(_ id: UInt32) throws(KernelError) -> Program {
    let opened = Descriptor(owning: try check("open BPF program \(id)") { bpf_prog_get_fd_by_id(id) })
    var info = bpf_prog_info()
    var size = UInt32(MemoryLayout<bpf_prog_info>.size)
    try check("inspect BPF program \(id)") { bpf_obj_get_info_by_fd(opened.raw, &info, &size) }
    let name = withUnsafeBytes(of: &info.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return Program(id: id, name: name, runs: info.run_cnt, nanoseconds: info.run_time_ns)
  }
}
