public import SystemPackage

/// Something that the kernel would not do.
public struct KernelError: Error, Equatable, CustomStringConvertible {
  /// What was tried, on what: `attach program connect4 to /sys/fs/cgroup`.
  public let operation: String
  public let errno: Errno
  /// What the user can do about it, or what the kernel said besides; nil where errno says it all.
  public let advice: String?

  public init(_ operation: String, _ errno: Errno, advice: String? = nil) {
    self.operation = operation
    self.errno = errno
    self.advice = advice
  }

  public var description: String {
    "cannot \(operation): \(errno)" + (advice.map { ": \($0)" } ?? "")
  }
}
