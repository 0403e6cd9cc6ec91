internal import Clibbpf
internal import Synchronization
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A compiled BPF object file: first opened, to be configured; then loaded, to be used.
public struct BPFObject: ~Copyable {
  private let object: OpaquePointer

  /// Opens an object file that is in memory. Nothing is in the kernel yet.
  public init(bytes: [UInt8], name: String) throws(KernelError) {
    LibbpfLog.install()
    var options = bpf_object_open_opts()
    options.sz = MemoryLayout<bpf_object_open_opts>.size
    let opened = name.withCString { name in
      options.object_name = name
      return bpf_object__open_mem(bytes, bytes.count, &options)
    }
    guard let opened else {
      throw KernelError("read the BPF object", .current, advice: LibbpfLog.take())
    }
    object = opened
  }

  deinit {
    bpf_object__close(object)
  }

  /// The map is to be found at `path`, or to be pinned there when the object is loaded.
  public func pin(map name: String, at path: String) throws(KernelError) {
    let map = try self.map(name)
    try check("pin map \(name) at \(path)") { bpf_map__set_pin_path(map, path) }
  }

  public func setMaxEntries(_ count: Int, ofMap name: String) throws(KernelError) {
    let map = try self.map(name)
    try check("size map \(name)") { bpf_map__set_max_entries(map, UInt32(clamping: count)) }
  }

  /// Creates or adopts the maps, and has the kernel verify the programs.
  public func load() throws(KernelError) {
    let result = bpf_object__load(object)
    guard result != 0 else { return }
    let advice =
      switch Errno(rawValue: -result) {
      case .notPermitted: "it needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
      default: LibbpfLog.take()
      }
    throw KernelError("load the BPF programs", Errno(rawValue: -result), advice: advice)
  }

  /// A map of the loaded object. It lives on when the object is closed.
  public func map<Key, Value>(
    _ name: String, keys: Key.Type = Key.self, values: Value.Type = Value.self
  ) throws(KernelError) -> BPFMap<Key, Value> {
    try BPFMap(duplicate(bpf_map__fd(map(name)), of: name), name: name)
  }

  /// A program of the loaded object. It lives on when the object is closed.
  public func program(_ name: String) throws(KernelError) -> BPFProgram {
    guard let program = bpf_object__find_program_by_name(object, name) else {
      throw KernelError("find program \(name)", .noSuchFileOrDirectory)
    }
    return BPFProgram(
      name: name, attachType: bpf_program__expected_attach_type(program),
      descriptor: try duplicate(bpf_program__fd(program), of: name))
  }

  private func map(_ name: String) throws(KernelError) -> OpaquePointer {
    guard let map = bpf_object__find_map_by_name(object, name) else {
      throw KernelError("find map \(name)", .noSuchFileOrDirectory)
    }
    return map
  }

  private func duplicate(_ raw: CInt, of name: String) throws(KernelError) -> Descriptor {
    Descriptor(owning: try check("use \(name)") { fcntl(raw, F_DUPFD_CLOEXEC, 0) })
  }
}

/// A verified program.
public struct BPFProgram: ~Copyable, Sendable {
  public let name: String
  let attachType: bpf_attach_type
  let descriptor: Descriptor

  /// Runs a program of type BPF_PROG_TYPE_SYSCALL once and returns what it returns.
  public func run() throws(KernelError) -> UInt32 {
    var options = bpf_test_run_opts()
    options.sz = MemoryLayout<bpf_test_run_opts>.size
    try check("run program \(name)") { bpf_prog_test_run_opts(descriptor.raw, &options) }
    return options.retval
  }

  /// Makes it the judge of all messages that are sent on sockets in a sockmap or sockhash.
  public func attach<K, V>(toSocketsIn map: borrowing BPFMap<K, V>) throws(KernelError) {
    try check("attach program \(name) to map \(map.name)") {
      bpf_prog_attach(descriptor.raw, map.descriptor.raw, BPF_SK_MSG_VERDICT, 0)
    }
  }
}

/// What libbpf says on its way, kept for the error that may follow.
private enum LibbpfLog {
  private static let lines = Mutex<[String]>([])
  private static let maxLines = 400
  /// The verifier's log is one long text, and the reason stands at its end.
  private static let maxBytes = 1 << 20

  static func install() {
    _ = libbpf_set_print { level, format, arguments in
      guard level != LIBBPF_DEBUG, let format, let arguments else { return 0 }
      let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: LibbpfLog.maxBytes) { buffer in
        let count = vsnprintf(buffer.baseAddress, buffer.count, format, arguments)
        let bytes = buffer[..<min(max(Int(count), 0), buffer.count - 1)]
        return String(decoding: bytes.lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
      LibbpfLog.lines.withLock { lines in
        lines += text.split(separator: "\n").map(String.init)
        lines.removeFirst(max(0, lines.count - LibbpfLog.maxLines))
      }
      return 0
    }
  }

  /// The last lines, which say what went wrong; they are forgotten then.
  static func take() -> String? {
    lines.withLock { lines in
      defer { lines = [] }
      return lines.isEmpty ? nil : "\n  " + lines.suffix(12).joined(separator: "\n  ")
    }
  }
}
