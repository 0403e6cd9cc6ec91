public import SystemPackage

/// The socket at a path cannot be served.
public struct StatsServerError: Error, Equatable, CustomStringConvertible {
  public let path: String
  /// `ENAMETOOLONG`, `EADDRINUSE` and `ENOTSOCK` for what was found before the kernel was asked; else the kernel's.
  public let errno: Errno
  /// What is wrong, where errno does not say it, and what the user can do.
  public let advice: String

  public init(path: String, errno: Errno, advice: String) {
    (self.path, self.errno, self.advice) = (path, errno, advice)
  }

  public var description: String { "cannot serve on socket \(path): \(errno): \(advice)" }
}
