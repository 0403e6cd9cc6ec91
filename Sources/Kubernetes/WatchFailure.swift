internal import Balancing
internal import Manifests

/// Why a request of a list-and-watch brought nothing, or nothing more.
enum WatchFailure: Error, Equatable {
  /// There was no answer.
  case noAnswer(String)
  /// The answer was an error, or an event within it.
  case refused(APIStatus)
  /// The answer ended within a line, or the connection failed.
  case cut(String)
  /// Nothing came for too long.
  case silent(for: Duration)
  /// A watch ended before it had brought what it was to begin with, or as soon as it had begun.
  case endedEarly
  case lineTooLong(limit: Int)
  case pageTooLong(limit: Int)
  /// What came is not what was asked for.
  case undecodable(ManifestError)

  /// Whether the version that was asked for is too old.
  var isGone: Bool { status?.code == 410 }

  var status: APIStatus? {
    guard case .refused(let status) = self else { return nil }
    return status
  }
}

extension WatchFailure {
  /// What was tried, on what, why it failed, and what to do.
  func message(_ verb: String, _ resource: WatchedResource) -> String {
    let message = message("\(verb) of \(resource.name)", right: "\(verb) on \(resource.fullName)")
    return status?.code == 404 ? message + "; Kubernetes 1.21 or later is needed" : message
  }

  /// - Parameter right: What the agent has to be allowed.
  func message(_ attempt: String, right: String) -> String { "\(attempt): \(reason)\(advice(right))" }

  private var reason: String {
    switch self {
    case .noAnswer(let why): why
    case .refused(let status): "the API server answers \(status)"
    case .cut(let why): "cut off: \(why)"
    case .silent(let time): "nothing came for \(time.goText), so the connection is taken for dead"
    case .endedEarly: "ended before it had brought what it was to bring"
    case .lineTooLong(let limit): "an event of more than \(limit) bytes; that is no API server's answer"
    case .pageTooLong(let limit): "a page of more than \(limit) bytes"
    case .undecodable(let error): "\(error)"
    }
  }

  private func advice(_ right: String) -> String {
    switch status?.code {
    case 401: "; are the credentials still valid?"
    case 403: "; the agent's ClusterRole must allow \(right)"
    default: ""
    }
  }
}

extension WatchedResource {
  /// `endpointslices.discovery.k8s.io`, as kubectl takes it.
  var fullName: String { group.isEmpty ? name : "\(name).\(group)" }
}
