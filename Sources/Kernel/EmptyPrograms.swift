internal import Clibbpf
internal import SystemPackage

/// Programs that do nothing, attached to a cgroup at the hooks that connections and their packets pass: what the kernel
/// takes for calling programs at all, whatever they do. They end with this value.
public struct EmptyPrograms: ~Copyable, Sendable {
  private let connect: BPFLink
  private let changesOfState: BPFLink
  private let egress: BPFLink
  private let ingress: BPFLink

  /// - Throws: `KernelError` where the kernel refuses a program, as without CAP_BPF and CAP_NET_ADMIN.
  public init(on cgroup: borrowing Cgroup) throws(KernelError) {
    // All of them first: a noncopyable value with only some of its parts cannot be given up.
    let connect = try Self.attach(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, to: cgroup)
    let changesOfState = try Self.attach(BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, to: cgroup)
    let egress = try Self.attach(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, to: cgroup)
    let ingress = try Self.attach(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, to: cgroup)
    self.connect = connect
    self.changesOfState = changesOfState
    self.egress = egress
    self.ingress = ingress
  }

  /// `return 1`, which means at each of these hooks that the kernel goes on as it would.
  private static func attach(
    _ type: bpf_prog_type, _ attachType: bpf_attach_type, to cgroup: borrowing Cgroup
  ) throws(KernelError) -> BPFLink {
    var load = bpf_insn()  // r0 = 1
    load.code = UInt8(BPF_ALU64 | BPF_MOV | BPF_K)
    load.imm = 1
    var exit = bpf_insn()
    exit.code = UInt8(BPF_JMP | BPF_EXIT)
    var options = bpf_prog_load_opts()
    options.sz = MemoryLayout<bpf_prog_load_opts>.size
    options.expected_attach_type = attachType
    let instructions = [load, exit]
    let descriptor = Descriptor(
      owning: try check("load an empty BPF program", advice: "it needs CAP_BPF and CAP_NET_ADMIN") {
        bpf_prog_load(type, "empty", "GPL", instructions, instructions.count, &options)
      })
    return try BPFLink(BPFProgram(name: "empty", attachType: attachType, descriptor: descriptor), toCgroup: cgroup)
  }
}
