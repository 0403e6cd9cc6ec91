internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A file descriptor that has one owner and is closed with it.
public struct Descriptor: ~Copyable, Sendable {
  let raw: CInt

  /// Takes over a descriptor that nobody else closes.
  init(owning raw: CInt) {
    self.raw = raw
  }

  deinit {
    _ = close(raw)
  }

  /// Opens a file; the corresponding C function is `open`, always with O_CLOEXEC.
  public init(opening path: String, directory: Bool = false) throws(KernelError) {
    let flags = O_RDONLY | O_CLOEXEC | (directory ? O_DIRECTORY : 0)
    raw = try check("open \(path)") { open(path, flags) }
  }

  /// Holds the file against other processes for as long as the descriptor lives, or returns false where another has it.
  public func lock() throws(KernelError) -> Bool {
    if flock(raw, LOCK_EX | LOCK_NB) == 0 { return true }
    guard errno == EWOULDBLOCK else { throw KernelError("lock a file", .current) }
    return false
  }

  /// Another descriptor of the same file.
  public func duplicate() throws(KernelError) -> Descriptor {
    Descriptor(owning: try check("duplicate a descriptor") { fcntl(raw, F_DUPFD_CLOEXEC, 0) })
  }
}

extension Errno {
  /// The calling thread's errno: to be read right after a failed call.
  static var current: Errno { Errno(rawValue: errno) }
}

/// The one place where -1 means an error.
@discardableResult
func check(
  _ operation: @autoclosure () -> String, advice: @autoclosure () -> String? = nil, _ call: () -> CInt
) throws(KernelError) -> CInt {
  while true {
    let result = call()
    if result >= 0 { return result }
    let error = Errno.current
    if error != .interrupted { throw KernelError(operation(), error, advice: advice()) }
  }
}
