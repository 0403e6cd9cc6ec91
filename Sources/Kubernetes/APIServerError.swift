/// An API server that cannot be asked: what was tried, on what, why it failed, and what to do about it.
public struct APIServerError: Error, Sendable, Equatable {
  /// What went wrong, for callers that choose an exit code or try again.
  public enum Kind: Sendable, Equatable {
    /// The kubeconfig, or what a pod is given, is not right: it stays so until somebody mends it.
    case configuration
    /// There is no token or client certificate to be had at the moment.
    case credentials
    /// No connection, or no answer on it.
    case unreachable
    /// The server's certificate is not one to trust, or there is no TLS with it at all.
    case untrusted
  }

  public let kind: Kind
  /// What was tried, on what: `use user "dev" of kubeconfig /root/.kube/config`.
  public let operation: String
  public let reason: String
  /// What the user can do about it; nil where the reason says it.
  public let advice: String?

  public init(_ kind: Kind, _ operation: String, _ reason: String, advice: String? = nil) {
    (self.kind, self.operation, self.reason, self.advice) = (kind, operation, reason, advice)
  }
}

extension APIServerError: CustomStringConvertible {
  /// One line: `cannot use user "dev" of kubeconfig /root/.kube/config: token: must not be empty`
  public var description: String {
    "cannot \(operation): \(reason)" + (advice.map { "; \($0)" } ?? "")
  }
}
