internal import CLinux
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A cgroup of the v2 hierarchy.
public struct Cgroup: ~Copyable, Sendable {
  public let path: String
  let descriptor: Descriptor

  /// Opens a cgroup by its directory.
  public init(path: String) throws(KernelError) {
    guard try FileSystem.type(of: path) == .cgroup2 else {
      throw KernelError("use \(path) as a cgroup", .invalidArgument, advice: "it is not in a cgroup v2 file system")
    }
    let opened = try Descriptor(opening: path, directory: true)
    self.path = path
    descriptor = opened
  }

  private init(path: String, descriptor: consuming Descriptor) {
    self.path = path
    self.descriptor = descriptor
  }

  /// The same cgroup, even if another one is at its path by now.
  public func duplicate() throws(KernelError) -> Cgroup { Cgroup(path: path, descriptor: try descriptor.duplicate()) }

  /// The cgroup that this process is in: in a container that has cgroup v2 mounted for itself, the container's.
  ///
  /// - Throws: for the root of all cgroups too, as what is meant for this process would concern everybody there.
  public static func own() throws(KernelError) -> Cgroup {
    let mounts = try Machine.text(of: "/proc/self/mountinfo")
    guard let path = FileSystem.ownCgroup(in: try Machine.text(of: "/proc/self/cgroup"), mounts: mounts) else {
      throw KernelError(
        "find this process's cgroup", .noSuchFileOrDirectory,
        advice: "it is in no cgroup v2 file system that is mounted here: mount that of --cgroup writable instead")
    }
    let own = try Cgroup(path: path)
    guard try own.id() != rootID else {
      throw KernelError("use \(own.path) as an own cgroup", .notPermitted, advice: "it is the root of all cgroups")
    }
    return own
  }

  /// The number of the hierarchy's root (kernfs_create_root in fs/kernfs/dir.c).
  private static let rootID: UInt64 = 1

  /// The cgroup's number, as BPF knows it: the inode of its directory (kernfs).
  public func id() throws(KernelError) -> UInt64 {
    var status = stat()
    try check("inspect \(path)") { fstat(descriptor.raw, &status) }
    return UInt64(status.st_ino)
  }
}

/// Questions about mounted file systems, and directories whose owner matters.
public enum FileSystem {
  public enum Kind: Sendable, Equatable {
    case cgroup2
    case bpf
    case other
  }

  /// The type of the file system that a path lies in; the corresponding C function is `statfs`.
  public static func type(of path: String) throws(KernelError) -> Kind {
    var status = statfs()
    try check("use \(path)") { statfs(path, &status) }
    return switch UInt32(truncatingIfNeeded: status.f_type) {
    case 0x6367_7270: .cgroup2  // CGROUP2_SUPER_MAGIC
    case 0xcafe_4a11: .bpf  // BPF_FS_MAGIC
    default: .other
    }
  }

  /// Whether the mount that a path lies in may not be written to; the corresponding C function is `statfs`.
  public static func isReadOnly(_ path: String) throws(KernelError) -> Bool {
    var status = statfs()
    try check("use \(path)") { statfs(path, &status) }
    return status.f_flags & ST_RDONLY != 0
  }

  /// Where the cgroup v2 file system is mounted: its first mount. On machines that have v1 beside it that is not
  /// /sys/fs/cgroup itself. `mounts` is the text of /proc/self/mounts.
  public static func cgroupMount(in mounts: String) -> String? {
    for line in mounts.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count > 2 && fields[2] == "cgroup2" { return unescaped(fields[1]) }
    }
    return nil
  }

  /// The directory of a process's cgroup; nil where it lies in no mount of cgroup v2. All paths in both texts begin at the
  /// root of the process's cgroup namespace, and what lies outside of that with `/..` (cgroup_namespaces(7)).
  ///
  /// `cgroups` is the text of /proc/self/cgroup, in which v2 has the number 0; `mounts` that of /proc/self/mountinfo.
  static func ownCgroup(in cgroups: String, mounts: String) -> String? {
    guard let line = cgroups.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else { return nil }
    let path = line.dropFirst(3)
    for line in mounts.split(separator: "\n") {
      // ID, parent, device, root, mount point and more; behind a lone hyphen, the type (proc_pid_mountinfo(5)).
      let fields = line.split(separator: " ")
      guard let hyphen = fields.firstIndex(of: "-"), hyphen > 4, fields.dropFirst(hyphen + 1).first == "cgroup2" else {
        continue
      }
      let root = fields[3] == "/" ? "" : fields[3]
      let isInside = path.hasPrefix("\(root)/") || path == root
      if isInside && !root.hasPrefix("/..") && !path.hasPrefix("/..") {
        let rest = path.dropFirst(root.count)
        return unescaped(fields[4]) + (rest == "/" ? "" : rest)
      }
    }
    return nil
  }

  /// In /proc/self/mounts and mountinfo, a space, tab, newline or backslash is written as its octal number.
  private static func unescaped(_ path: Substring) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")].reduce(String(path)) {
      $0.replacing($1.0, with: $1.1)
    }
  }

  /// Makes a directory that only its owner can enter; one that is there must be root's.
  public static func makePrivateDirectory(_ path: String) throws(KernelError) {
    if mkdir(path, 0o700) != 0 && Errno.current != .fileExists { throw KernelError("make directory \(path)", .current) }
    try checkOwner(of: path)
    try check("protect directory \(path)") { chmod(path, 0o700) }
  }

  /// Refuses what another user put there.
  public static func checkOwner(of path: String) throws(KernelError) {
    var status = stat()
    try check("inspect \(path)") { lstat(path, &status) }
    guard status.st_uid == 0 else {
      throw KernelError(
        "use \(path)", .notPermitted, advice: "it belongs to user \(status.st_uid), not to root: remove it first")
    }
  }

  /// The names in a directory, without `.` and `..`; none where there is no such directory.
  public static func names(in path: String) throws(KernelError) -> [String] {
    guard let directory = opendir(path) else {
      if Errno.current == .noSuchFileOrDirectory { return [] }
      throw KernelError("list \(path)", .current)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Whether there is something at a path; symbolic links are not followed.
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Removes a directory in which nothing is; leaves any other, and does nothing where there is none.
  public static func removeIfEmpty(_ path: String) { _ = rmdir(path) }

  /// Removes a file, or a directory with all in it; nothing where there is none.
  public static func remove(_ path: String) throws(KernelError) {
    if unlink(path) == 0 || Errno.current == .noSuchFileOrDirectory { return }
    guard Errno.current == .isDirectory || Errno.current == .notPermitted else {
      throw KernelError("remove \(path)", .current)
    }
    for name in try names(in: path) { try remove("\(path)/\(name)") }
    try check("remove directory \(path)") { rmdir(path) }
  }
}

/// A cgroup that is made for a moment, and removed with this value. No process may be left in it by then.
public struct TemporaryCgroup: ~Copyable {
  public let cgroup: Cgroup

  /// Makes a cgroup below another one.
  public init(below parent: String, name: String) throws(KernelError) {
    let path = "\(parent)/\(name)"
    if mkdir(path, 0o755) != 0 && Errno.current != .fileExists {
      throw KernelError("make cgroup \(path)", .current, advice: "the cgroup file system must be mounted writable")
    }
    cgroup = try Cgroup(path: path)
  }

  deinit {
    _ = rmdir(cgroup.path)
  }

  /// Removes what processes that were killed have left below a cgroup: those whose name begins so, if nothing is in
  /// them and they are a minute old. A younger one may be somebody's who has not moved a process into it yet.
  public static func removeAbandoned(below parent: String, prefix: String) throws(KernelError) {
    for name in try FileSystem.names(in: parent) where name.hasPrefix(prefix) {
      let path = "\(parent)/\(name)"
      var status = stat()
      if lstat(path, &status) == 0 && time(nil) - status.st_mtim.tv_sec >= 60 { FileSystem.removeIfEmpty(path) }
    }
  }

  /// Moves a process into it. Its sockets belong here from then on; those that it has do not.
  public func add(process: Int32) throws(KernelError) {
    let path = "\(cgroup.path)/cgroup.procs"
    let file = Descriptor(owning: try check("open \(path)") { open(path, O_WRONLY | O_CLOEXEC) })
    let text = Array("\(process)".utf8)
    try check("move process \(process) into \(cgroup.path)") { CInt(write(file.raw, text, text.count)) }
  }
}
