internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A Unix socket that listens at a path; both end with this value.
///
/// The file appears at the path in one step, with its mode and with the socket already listening: who sees it can
/// connect, and nobody could connect before who may not.
struct ListeningSocket: ~Copyable, Sendable {
  /// Reading and writing, which is what `connect` asks for, for root and the file's group.
  static let mode: mode_t = 0o660
  /// Connections that the kernel holds until they are accepted.
  static let backlog: CInt = 64

  let path: String
  private let descriptor: CInt
  private let identity: FileIdentity

  /// Binds and listens at a path, whose directory is made if only that is missing. Replaces a socket that nobody serves.
  init(path: String) throws(StatsServerError) {
    let (directory, temporary) = Self.directoryAndTemporaryName(for: path)
    try Self.checkLength(of: path, and: temporary)
    try Self.makeDirectory(directory, for: path)
    try Self.checkVacant(path)

    let descriptor = socket(AF_UNIX, streamSocket, 0)
    guard descriptor >= 0 else { throw StatsServerError(path, .current, "no socket could be made") }
    do throws(StatsServerError) {
      identity = try Self.publish(descriptor, at: path, by: temporary)
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
  }

  /// Removes the file, if it is still this socket's own.
  deinit {
    if FileIdentity(of: path) == identity { unlink(path) }
    close(descriptor)
  }

  /// Another descriptor of the socket, which the caller closes.
  func duplicate() throws(StatsServerError) -> CInt {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw StatsServerError(path, .current, "the descriptor could not be duplicated") }
    return copy
  }

  private static func publish(
    _ descriptor: CInt, at path: String, by temporary: String
  ) throws(StatsServerError) -> FileIdentity {
    unlink(temporary)  // left by a process of the same number that died between `bind` and `rename`
    // `bind` gives the file the socket's own mode, less the umask: it is never wider than wanted, and `chmod` is last.
    guard
      fchmod(descriptor, mode) == 0,
      withUnixAddress(of: temporary, { bind(descriptor, $0, $1) }) == 0
    else { throw StatsServerError(path, .current, "make the directory, or choose another path with --socket") }
    guard
      chmod(temporary, mode) == 0,
      listen(descriptor, backlog) == 0,
      let identity = FileIdentity(of: temporary),
      rename(temporary, path) == 0
    else {
      let error = StatsServerError(path, .current, "choose another path with --socket")
      unlink(temporary)
      throw error
    }
    return identity
  }

  private static func directoryAndTemporaryName(for path: String) -> (directory: String, temporary: String) {
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    return (directory, "\(directory).\(getpid())")
  }

  private static func checkLength(of path: String, and temporary: String) throws(StatsServerError) {
    guard !path.isEmpty else { throw StatsServerError(path, .invalidArgument, "give a path with --socket") }
    guard max(path.utf8.count, temporary.utf8.count) <= maxPathLength else {
      throw StatsServerError(
        path, .fileNameTooLong,
        "it has \(path.utf8.count) bytes, and a Unix socket's path may have \(maxPathLength) "
          + "(and so may the temporary name \(temporary)): choose a shorter one with --socket")
    }
  }

  private static func makeDirectory(_ directory: String, for path: String) throws(StatsServerError) {
    guard !directory.isEmpty, mkdir(directory, 0o755) == 0 else { return }  // what is wrong here, `bind` says
    guard chmod(directory, 0o755) == 0 else { throw StatsServerError(path, .current, "its directory was just made") }
  }

  /// Refuses a path that a process serves, or that is no socket.
  private static func checkVacant(_ path: String) throws(StatsServerError) {
    guard let file = FileIdentity(of: path) else { return }
    guard file.isSocket else {
      throw StatsServerError(path, .notSocket, "remove it, or choose another path with --socket")
    }
    let probe = socket(AF_UNIX, streamSocket, 0)
    guard probe >= 0 else { throw StatsServerError(path, .current, "no socket could be made") }
    defer { close(probe) }

    if withUnixAddress(of: path, { connect(probe, $0, $1) }) == 0 {
      // Of a connected socket: who called `listen` at the other end; 0 in another PID namespace.
      let pid = PeerCredentials(of: probe)?.pid ?? 0
      let owner = pid > 0 ? "process \(pid)" : "a process"
      throw StatsServerError(path, .addressInUse, "it is in use by \(owner): end that, or choose another with --socket")
    }
    switch Errno.current {
    case .connectionRefused, .noSuchFileOrDirectory: return  // nobody listens: its process is gone
    case .resourceTemporarilyUnavailable:
      throw StatsServerError(path, .addressInUse, "it is in use, and its queue is full: choose another with --socket")
    case let error:
      throw StatsServerError(path, error, "whether it is in use cannot be told: choose another path with --socket")
    }
  }
}

extension StatsServerError {
  fileprivate init(_ path: String, _ errno: Errno, _ advice: String) {
    self.init(path: path, errno: errno, advice: advice)
  }
}
