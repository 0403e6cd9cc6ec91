public import SystemPackage

/// What can go wrong while a cluster in a box is made, used or removed.
public enum LabError: Error, Equatable, Sendable {
  /// The machine or the user lacks something; the text says what, and how to get it.
  case unsupported(String)
  /// The request makes no sense here: a name is taken, an id is in use, no address is left.
  case refused(String)
  /// A command ended with something else than success.
  case commandFailed(command: String, status: ExitStatus, errorOutput: String)
  /// A system call failed: the call with what it was made on, and why.
  case system(String, Errno)
  /// What was waited for, and for how long.
  case timedOut(String, Duration)
}

extension LabError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unsupported(let text), .refused(let text):
      text
    case .commandFailed(let command, let status, let errorOutput):
      "`\(command)` ended with \(status)" + errorOutput.split(separator: "\n").map { "\n  \($0)" }.joined()
    case .system(let call, let errno):
      "\(call): \(errno)"
    case .timedOut(let event, let limit):
      "\(event) did not happen within \(limit)"
    }
  }
}

/// How a process ended.
public enum ExitStatus: Equatable, Sendable, CustomStringConvertible {
  case code(Int32)
  case signal(Int32)

  public static let success = ExitStatus.code(0)

  public var description: String {
    switch self {
    case .code(let code): "exit code \(code)"
    case .signal(let number): "signal \(number)"
    }
  }
}
