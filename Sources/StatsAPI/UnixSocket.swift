internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

// What Swift's Glibc module leaves out of Unix sockets, and how their calls are made from Swift.

/// The longest path of a Unix socket, in bytes: `sun_path` less the NUL at its end (unix(7)).
let maxPathLength = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

/// A stream socket that does not block and that child processes do not inherit.
let streamSocket = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)

/// Calls `body` with a Unix socket's address. The path must not be longer than `maxPathLength`.
func withUnixAddress(of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
  precondition(path.utf8.count <= maxPathLength)
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
  }
}

/// Who is at the other end of a Unix socket: `struct ucred` of unix(7), as it was at `connect` or `listen`.
struct PeerCredentials: Sendable, Equatable {
  /// 0: a process outside this PID namespace.
  var pid: pid_t = 0
  var uid: uid_t = 0
  var gid: gid_t = 0
}

extension PeerCredentials {
  /// Nil where the socket is not a connected Unix socket.
  init?(of descriptor: CInt) {
    self.init()
    var length = socklen_t(MemoryLayout<Self>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &self, &length) == 0 else { return nil }
  }
}

/// Which file is at a path: symbolic links are not followed.
struct FileIdentity: Sendable, Equatable {
  let device: dev_t
  let inode: ino_t
  let isSocket: Bool

  /// Nil where there is none, or it cannot be seen.
  init?(of path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    (device, inode, isSocket) = (status.st_dev, status.st_ino, status.st_mode & S_IFMT == S_IFSOCK)
  }
}

extension Errno {
  /// The calling thread's errno: to be read right after a failed call.
  static var current: Errno { Errno(rawValue: errno) }
}
