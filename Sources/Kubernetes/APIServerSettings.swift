/// How an API server is reached, and as whom: what a context of a kubeconfig, or a pod's environment, says.
///
/// Values only: files are named here, and read when a request is made.
struct APIServerSettings: Sendable {
  /// Where this was said: `kubeconfig /root/.kube/config, context dev`.
  var source: String
  var server: ServerAddress
  var trust = Trust.system
  /// The name that the server's certificate is to have, where it is not the host's.
  var tlsServerName: String?
  var proxy: Proxy?
  var identity = Identity()

  /// Whose certificates are accepted.
  enum Trust: Sendable, Equatable {
    /// The machine's own list of authorities.
    case system
    case authority(Material)
    /// insecure-skip-tls-verify
    case anything
  }

  /// What stands between.
  struct Proxy: Sendable, Equatable {
    enum Kind: Sendable, Equatable { case http, socks5 }

    var kind: Kind
    var host: String
    var port: Int
    var user: String?
    var password: String?
  }

  /// Who we are. At most one of the first three is given, and a certificate may stand beside a token.
  struct Identity: Sendable {
    var token: Material?
    var basic: (name: String, password: String)?
    var plugin: ExecPlugin?
    var certificate: (certificate: Material, key: Material)?
    /// The headers `Impersonate-…`, which ask to act as somebody else.
    var impersonation: [(name: String, value: String)] = []
  }
}
