import AsyncHTTPClient
import NIOCore
import NIOSSL

/// Looks at the certificate of a server that was not trusted, to say why.
enum PeerCertificate {
  /// Connects once more and accepts whatever certificate there is; and ends the connection before anything is sent on it.
  ///
  /// - Returns: Nil where it could not be had.
  static func ask(_ settings: APIServerSettings, _ limits: APIServerClient.Limits) async -> NIOSSLCertificate? {
    var configuration = HTTPClient.Configuration(settings, limits)
    configuration.tlsConfiguration = .makeClientConfiguration()
    configuration.tlsConfiguration?.certificateVerification = .none
    configuration.http1_1ConnectionDebugInitializer = { channel in
      channel.nioSSL_peerCertificate().flatMapThrowing { throw Found(certificate: $0) }
    }
    let url = settings.server.url(APIRequest(path: "/version"), name: settings.tlsServerName)
    do {
      try await HTTPClient.withHTTPClient(configuration: configuration) { client in
        _ = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(10))
      }
    } catch let found as Found {
      return found.certificate
    } catch {}
    return nil
  }

  private struct Found: Error {
    let certificate: NIOSSLCertificate?
  }
}

extension NIOSSLCertificate {
  /// The DNS names and IP addresses that it is for.
  var names: [String] {
    _subjectAlternativeNames().compactMap { name in
      switch name.nameType {
      case .dnsName: String(decoding: name.contents, as: UTF8.self)
      case .ipAddress: try? SocketAddress(packedIPAddress: ByteBuffer(bytes: name.contents), port: 0).ipAddress
      default: nil
      }
    }
  }
}
