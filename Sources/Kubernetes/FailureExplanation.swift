import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SystemPackage

/// Says why there is no answer, in the user's words, and what to look at.
struct FailureExplanation: Sendable {
  let settings: APIServerSettings
  let path: String
  let limits: APIServerClient.Limits

  /// - Returns: `APIServerError`, or `CancellationError` where nobody waits any more.
  func explain(_ error: any Error) async -> any Error {
    if Task.isCancelled { return CancellationError() }
    switch error {
    case let error as APIServerError: return error
    case let error as HTTPClientError: return noAnswer(error)
    case let error as NIOConnectionError: return noConnection(error)
    case let error as IOError: return unreachable(text(error), advice(error))
    case HTTPParserError.invalidEOFState: return noAnswer(.remoteConnectionClosed)
    case let error as NIOSSLExtraError where error == .failedToValidateHostname: return await wrongName()
    case NIOSSLError.handshakeFailed(let problem): return await handshakeFailed("\(problem)")
    case let error as BoringSSLError: return await handshakeFailed("\(error)")
    default: return unreachable("\(error)")
    }
  }

  private var operation: String {
    "get \(path) from \(settings.server)" + (settings.proxy.map { " through the proxy \($0.host):\($0.port)" } ?? "")
  }

  private func unreachable(_ reason: String, _ advice: String? = nil) -> APIServerError {
    APIServerError(.unreachable, operation, reason, advice: advice)
  }

  private func untrusted(_ reason: String, _ advice: String? = nil) -> APIServerError {
    APIServerError(.untrusted, operation, reason, advice: advice)
  }

  private func noAnswer(_ error: HTTPClientError) -> APIServerError {
    switch error {
    case .connectTimeout, .tlsHandshakeTimeout, .httpProxyHandshakeTimeout, .socksHandshakeTimeout:
      unreachable("no connection within \(limits.connect)", "is a firewall in between?")
    case .deadlineExceeded: unreachable("no answer within \(limits.head)")
    case .remoteConnectionClosed, .uncleanShutdown: unreachable("the connection was closed before the answer's end")
    case .proxyAuthenticationRequired: unreachable("the proxy asks for a user and a password", "give them in proxy-url")
    case .invalidProxyResponse: unreachable("the proxy does not let us through")
    case .cancelled, .alreadyShutdown: unreachable("the client has been shut down")
    default: unreachable("\(error)")
    }
  }

  private func noConnection(_ error: NIOConnectionError) -> APIServerError {
    // One entry for each address of the name; they mostly fail alike.
    if let failure = error.connectionErrors.first?.error {
      return unreachable((failure as? IOError).map(text) ?? "\(failure)", (failure as? IOError).flatMap(advice))
    }
    return unreachable("the name \(error.host) has no address", "does the node's name server know it?")
  }

  private func text(_ error: IOError) -> String { Errno(rawValue: error.errnoCode).description }

  private func advice(_ error: IOError) -> String? {
    switch Errno(rawValue: error.errnoCode) {
    case .connectionRefused: "does the API server run there?"
    case .noRouteToHost, .networkUnreachable: "is there a route to it from this node?"
    default: nil
    }
  }

  // MARK: - TLS

  /// - Parameter problem: BoringSSL's words, `error:10000418:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA at …`.
  private func handshakeFailed(_ problem: String) async -> APIServerError {
    let name = problem.firstMatch(of: /OPENSSL_internal:(\w+)/).map { String($0.1) } ?? problem
    switch name {
    case "CERTIFICATE_VERIFY_FAILED": return await untrustedCertificate()
    case "WRONG_VERSION_NUMBER", "HTTP_REQUEST": return untrusted("the server does not speak TLS", "is it http://?")
    case let alert where alert.contains(/ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/): return refusedClient(alert)
    default: return untrusted("no TLS with it: \(name)")
    }
  }

  /// - Parameter alert: What the server sent (RFC 8446 §6.2): of servers in Go, `bad_certificate` may also mean none.
  private func refusedClient(_ alert: String) -> APIServerError {
    if settings.identity.certificate == nil && settings.identity.plugin == nil {
      return untrusted("the server asks for a client certificate", "give it to the user in the kubeconfig")
    }
    return untrusted(
      "the server refuses our client certificate: \(alert)", "has it expired, or is it another cluster's?")
  }

  /// BoringSSL says only that it does not trust a certificate; why can be seen from it.
  private func untrustedCertificate() async -> APIServerError {
    guard let certificate = await PeerCertificate.ask(settings, limits) else {
      return untrusted("the server's certificate is not to be trusted")
    }
    let now = Date().timeIntervalSince1970
    if TimeInterval(certificate.notValidAfter) < now {
      return untrusted("the server's certificate has expired", "is this node's clock right?")
    }
    if TimeInterval(certificate.notValidBefore) > now {
      return untrusted("the server's certificate is not valid yet", "is this node's clock right?")
    }
    return untrusted(
      "the server's certificate is not signed by \(authority)",
      "is that the cluster's root authority? An intermediate one alone is not enough")
  }

  private var authority: String {
    switch settings.trust {
    case .system, .anything: "an authority that this machine trusts, and no certificate-authority is given"
    case .authority(let material): "\(material.field) of \(material.owner)"
    }
  }

  private func wrongName() async -> APIServerError {
    let wanted = settings.tlsServerName ?? settings.server.host
    let names = await PeerCertificate.ask(settings, limits)?.names ?? []
    let list = names.isEmpty ? "" : ", but for \(names.joined(separator: ", "))"
    return untrusted(
      "the server's certificate is not for \(wanted)\(list)",
      "it needs that name, or a kubeconfig one of its names in tls-server-name")
  }
}
