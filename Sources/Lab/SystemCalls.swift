import FoundationEssentials
import Glibc
import SystemPackage

/// The few calls on files and directories that the lab needs, with errors that name the call and the path.
enum SystemCalls {
  static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(LabError) {
    try check("mkdir \(path)", mkdir(path, mode))
  }

  static func removeDirectory(_ path: String) throws(LabError) {
    try check("rmdir \(path)", rmdir(path))
  }

  static func removeFile(_ path: String) throws(LabError) {
    try check("unlink \(path)", unlink(path))
  }

  static func mount(type: String, at path: String) throws(LabError) {
    try check("mount -t \(type) \(path)", Glibc.mount(type, path, type, 0, nil))
  }

  /// Whether a file system is mounted at the path: it is then on another device than the directory above.
  static func isMountPoint(_ path: String) -> Bool {
    guard let here = status(path), let above = status("\(path)/..") else { return false }
    return here.st_dev != above.st_dev
  }

  /// Detaches the file system from the tree at once; the kernel frees it when its last user has gone.
  static func unmount(_ path: String) throws(LabError) {
    try check("umount \(path)", umount2(path, Int32(MNT_DETACH)))
  }

  /// Nil where there is no such file.
  static func read(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Writes to a file that exists, as those of the kernel do.
  static func write(_ text: String, to path: String) throws(LabError) {
    try write(text, to: path, options: [])
  }

  /// Puts a text into a file such that a reader finds either all of the old one or all of the new one.
  ///
  /// - Parameter draft: a path on the same file system that nobody else uses.
  static func replace(_ path: String, with text: String, draft: String) throws(LabError) {
    try write(text, to: draft, options: [.create, .truncate])
    try check("rename \(draft) to \(path)", rename(draft, path))
  }

  private static func write(
    _ text: String, to path: String, options: FileDescriptor.OpenOptions
  ) throws(LabError) {
    do {
      let file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: options.union(.closeOnExec),
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      try file.closeAfter { _ = try file.writeAll(text.utf8) }
    } catch {
      throw .system("write \(path)", error as? Errno ?? .ioError)
    }
  }

  /// The names in a directory, sorted; none where there is no such directory.
  static func names(in directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
  }

  static func isDirectory(_ path: String) -> Bool { status(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false }

  /// Whether an open descriptor is of the file that is at the path now.
  static func isSame(_ descriptor: FileDescriptor, as path: String) -> Bool {
    var open = stat()
    guard fstat(descriptor.rawValue, &open) == 0, let named = status(path) else { return false }
    return (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino)
  }

  private static func status(_ path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func check(_ call: String, _ result: Int32) throws(LabError) {
    guard result != -1 else { throw .system(call, Errno(rawValue: errno)) }
  }
}
