internal import AsyncHTTPClient
internal import NIOCore

#if canImport(Glibc)
  internal import Glibc
#endif

/// A question to the agent that got no answer, or not the one asked for.
public enum StatsClientError: Error, Equatable, CustomStringConvertible {
  /// Nobody listens at the path.
  case noAgent(path: String)
  /// The socket's mode, or the agent, does not let this user.
  case notPermitted(path: String, problem: String)
  case timedOut(path: String, after: Duration)
  case pathTooLong(path: String, limit: Int)
  /// The agent refused: an HTTP status of 400 or above, and what it said.
  case refused(status: Int, problem: String)
  /// What listens at the path is no agent, or the connection broke off.
  case failed(path: String, problem: String)

  public var description: String {
    switch self {
    case .noAgent(let path):
      "no agent answers on \(path): is it running? Name its socket with --socket"
    case .notPermitted(let path, let problem):
      "not permitted on \(path): \(problem)"
    case .timedOut(let path, let timeout):
      "no answer on \(path) within \(timeout)"
    case .pathTooLong(let path, let limit):
      "the path \(path) has \(path.utf8.count) bytes, and a Unix socket's path may have \(limit)"
    case .refused(_, let problem):
      problem
    case .failed(let path, let problem):
      "no use of \(path): \(problem)"
    }
  }

  init(_ error: any Error, path: String, timeout: Duration) {
    switch error {
    case let error as IOError where [ENOENT, ENOTDIR, ECONNREFUSED].contains(error.errnoCode):
      self = .noAgent(path: path)
    case let error as IOError where [EACCES, EPERM].contains(error.errnoCode):
      self = .notPermitted(path: path, problem: "only root and the socket's group may connect")
    case let error as HTTPClientError where [.deadlineExceeded, .connectTimeout, .readTimeout].contains(error):
      self = .timedOut(path: path, after: timeout)
    default:
      self = .failed(path: path, problem: "\(error)")
    }
  }
}
