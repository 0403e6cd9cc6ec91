import FoundationEssentials
import NIOSSL

/// All that the settings name and that may change while the program runs, as it reads at one moment.
struct Credentials: Sendable, Equatable {
  /// In PEM.
  var authority: [UInt8]?
  var token: String?
  /// In PEM.
  var certificate: [UInt8]?
  /// In PEM.
  var key: [UInt8]?
}

extension APIServerSettings {
  /// Reads what is named, files anew.
  ///
  /// - Parameter issued: What the exec plugin gave, where there is one.
  func credentials(issued: ExecCredential?) throws(APIServerError) -> Credentials {
    var credentials = Credentials(token: issued?.token)
    if case .authority(let material) = trust { credentials.authority = try material.read() }
    if let token = identity.token { credentials.token = try self.token(token) }
    if let pair = issued?.certificate ?? identity.certificate {
      credentials.certificate = try pair.certificate.read()
      credentials.key = try pair.key.read()
    }
    return credentials
  }

  private func token(_ material: Material) throws(APIServerError) -> String {
    let token = try material.readText()
    guard !token.isEmpty else { throw material.wrong("is empty", advice: "a bearer token was expected") }
    guard isBearerToken(token) else {
      throw material.wrong("is no bearer token", advice: "it holds white space or characters outside of ASCII")
    }
    return token
  }

  /// The headers that say who asks.
  func headers(_ credentials: Credentials) -> [(name: String, value: String)] {
    let authorization: String? =
      if let token = credentials.token {
        "Bearer \(token)"
      } else if let basic = identity.basic {
        "Basic \(Data("\(basic.name):\(basic.password)".utf8).base64EncodedString())"
      } else {
        nil
      }
    return identity.impersonation + (authorization.map { [("Authorization", $0)] } ?? [])
  }

  /// Nil where the server speaks plain HTTP.
  ///
  /// - Throws: `APIServerError` where a certificate or key is none, or they do not belong together.
  func tlsConfiguration(_ credentials: Credentials, issued: ExecCredential?) throws(APIServerError) -> TLSConfiguration?
  {
    guard server.usesTLS else { return nil }
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    switch trust {
    case .system: break
    case .anything: tls.certificateVerification = .none
    case .authority(let material):
      tls.trustRoots = .certificates(try certificates(credentials.authority ?? [], of: material))
    }
    if let pair = issued?.certificate ?? identity.certificate {
      let chain = try certificates(credentials.certificate ?? [], of: pair.certificate)
      tls.certificateChain = chain.map { .certificate($0) }
      tls.privateKey = .privateKey(try privateKey(credentials.key ?? [], of: pair.key))
      try checkPair(tls, pair)
    }
    return tls
  }

  private func certificates(_ pem: [UInt8], of material: Material) throws(APIServerError) -> [NIOSSLCertificate] {
    let found = pem.isEmpty ? [] : (try? NIOSSLCertificate.fromPEMBytes(pem)) ?? []
    guard !found.isEmpty else {
      throw material.wrong("holds no certificate in PEM", advice: "it has to begin with -----BEGIN CERTIFICATE-----")
    }
    return found
  }

  private func privateKey(_ pem: [UInt8], of material: Material) throws(APIServerError) -> NIOSSLPrivateKey {
    guard !pem.isEmpty, let key = try? NIOSSLPrivateKey(bytes: pem, format: .pem) else {
      if String(decoding: pem, as: UTF8.self).contains("ENCRYPTED") {
        throw material.wrong("is encrypted", advice: "nobody can be asked for its passphrase: decrypt it")
      }
      throw material.wrong("holds no private key in PEM", advice: "a line -----BEGIN … PRIVATE KEY----- was expected")
    }
    return key
  }

  /// BoringSSL compares the key with the certificate when both are set.
  private func checkPair(_ tls: TLSConfiguration, _ pair: (certificate: Material, key: Material)) throws(APIServerError)
  {
    var pairAlone = TLSConfiguration.makeClientConfiguration()
    pairAlone.certificateVerification = .none
    (pairAlone.certificateChain, pairAlone.privateKey) = (tls.certificateChain, tls.privateKey)
    do {
      _ = try NIOSSLContext(configuration: pairAlone)
    } catch {
      throw pair.key.wrong("does not belong to the certificate in \(pair.certificate.field)")
    }
  }
}

/// Visible ASCII without white space, the most that RFC 6750 §2.1 lets into the header.
func isBearerToken(_ text: String) -> Bool { text.utf8.allSatisfy { (0x21...0x7e).contains($0) } }
