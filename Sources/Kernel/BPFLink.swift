internal import Clibbpf
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A program's attachment to a cgroup. It ends with this value unless it is pinned.
public struct BPFLink: ~Copyable, Sendable {
  private let descriptor: Descriptor

  /// Attaches a program to a cgroup and all below it, beside the programs that are there already.
  public init(_ program: borrowing BPFProgram, toCgroup cgroup: borrowing Cgroup) throws(KernelError) {
    let (program, target, type) = (program.descriptor.raw, cgroup.descriptor.raw, program.attachType)
    descriptor = Descriptor(
      owning: try check("attach a BPF program to \(cgroup.path)") { bpf_link_create(program, target, type, nil) })
  }

  /// Opens a pinned link; nil where there is none.
  public init?(pinnedAt path: String) throws(KernelError) {
    let opened = bpf_obj_get(path)
    if opened < 0 && Errno.current == .noSuchFileOrDirectory { return nil }
    descriptor = Descriptor(owning: try check("open the pinned link \(path)") { opened })
  }

  /// Makes it last beyond this process.
  public func pin(at path: String) throws(KernelError) {
    try check("pin a link at \(path)") { bpf_obj_pin(descriptor.raw, path) }
  }

  /// Replaces the program without a gap: a call runs either the old or the new one.
  public func update(to program: borrowing BPFProgram) throws(KernelError) {
    let new = program.descriptor.raw
    try check("replace program \(program.name)") { bpf_link_update(descriptor.raw, new, nil) }
  }

  /// Ends the attachment at once. A pin that is removed, or a descriptor that is closed elsewhere, ends it a moment
  /// later. The corresponding command of bpf(2) is BPF_LINK_DETACH.
  public func detach() throws(KernelError) {
    try check("detach a program") { bpf_link_detach(descriptor.raw) }
  }

  /// The number of the cgroup it is attached to; 0 where that cgroup is gone.
  public func cgroupID() throws(KernelError) -> UInt64 { try info().cgroup.cgroup_id }

  /// The link's own number in the kernel.
  public func id() throws(KernelError) -> UInt32 { try info().id }

  /// The number of the program that it runs.
  public func programID() throws(KernelError) -> UInt32 { try info().prog_id }

  private func info() throws(KernelError) -> bpf_link_info {
    var info = bpf_link_info()
    var size = UInt32(MemoryLayout<bpf_link_info>.size)
    try check("inspect a link") { bpf_obj_get_info_by_fd(descriptor.raw, &info, &size) }
    return info
  }
}

/// An iterator program that is ready to run: it writes records of one C type.
public struct BPFIterator<Record: BitwiseCopyable>: ~Copyable, Sendable where Record: Sendable {
  private let link: Descriptor
  private let name: String

  /// An iterator over all of one kind, as all open files of all tasks.
  public init(_ program: borrowing BPFProgram) throws(KernelError) {
    name = program.name
    let raw = program.descriptor.raw
    link = Descriptor(
      owning: try check("start iterator \(program.name)") { bpf_link_create(raw, 0, BPF_TRACE_ITER, nil) })
  }

  /// An iterator over the entries of a map.
  public init<K, V>(_ program: borrowing BPFProgram, over map: borrowing BPFMap<K, V>) throws(KernelError) {
    var info = bpf_iter_link_info()
    info.map.map_fd = UInt32(bitPattern: map.descriptor.raw)
    try self.init(program, info)
  }

  /// An iterator over the open files of one process. Before Linux 6.1 it goes over those of all.
  public init(_ program: borrowing BPFProgram, overFilesOf process: Int32) throws(KernelError) {
    var info = bpf_iter_link_info()
    info.task.pid = UInt32(bitPattern: process)
    try self.init(program, info)
  }

  private init(_ program: borrowing BPFProgram, _ info: bpf_iter_link_info) throws(KernelError) {
    name = program.name
    var info = info
    let raw = program.descriptor.raw
    link = Descriptor(
      owning: try check("start iterator \(program.name)") {
        withUnsafeMutablePointer(to: &info) { info in
          var options = bpf_link_create_opts()
          options.sz = MemoryLayout<bpf_link_create_opts>.size
          options.iter_info = info
          options.iter_info_len = UInt32(MemoryLayout<bpf_iter_link_info>.size)
          return bpf_link_create(raw, 0, BPF_TRACE_ITER, &options)
        }
      })
  }

  /// Runs the program over everything there is now and returns all that it wrote.
  public func records() throws(KernelError) -> [Record] {
    let size = MemoryLayout<Record>.size
    var records: [Record] = []
    var rest: [UInt8] = []  // of a record that was cut by the end of a read
    try forEachRead(of: max(1, 65_536 / size) * size) { bytes throws(KernelError) in
      rest += bytes
      let whole = rest.count / size
      rest.withUnsafeBytes { bytes in
        for index in 0..<whole { records.append(bytes.loadUnaligned(fromByteOffset: index * size, as: Record.self)) }
      }
      rest.removeFirst(whole * size)
    }
    return records
  }

  /// Calls `body` with what each read has brought, until there is no more.
  private func forEachRead(
    of capacity: Int, _ body: (UnsafeRawBufferPointer) throws(KernelError) -> Void
  ) throws(KernelError) {
    let run = Descriptor(owning: try check("run iterator \(name)") { bpf_iter_create(link.raw) })
    try withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 16) { buffer throws(KernelError) in
      while true {
        let count = read(run.raw, buffer.baseAddress, buffer.count)
        if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
        guard count >= 0 else { throw KernelError("read iterator \(name)", .current) }
        if count == 0 { return }
        try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
    }
  }
}

extension BPFIterator where Record == UInt8 {
  /// Runs a program that puts a value into an array, a page, for each byte that it writes: at the place that is the number
  /// of bytes of the same read before it. Calls `body` with the values of each read.
  ///
  /// There is one page: whoever reads must be the only one who does.
  public func forEachPage<Value>(
    of page: borrowing MappedArray<Value>, _ body: (Span<Value>) -> Void
  ) throws(KernelError) {
    try forEachRead(of: page.count) { marks throws(KernelError) in page.withFirst(marks.count, body) }
  }
}
