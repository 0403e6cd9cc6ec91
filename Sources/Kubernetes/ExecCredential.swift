import FoundationEssentials

/// What an exec plugin gave: who we are, until it expires.
struct ExecCredential: Sendable {
  var token: String?
  var certificate: (certificate: Material, key: Material)?
  /// Nil: as long as the server accepts it.
  var expiration: Date?

  func hasExpired(at now: Date) -> Bool { expiration.map { $0 <= now } ?? false }
}

extension ExecCredential {
  /// Reads a plugin's standard output: an `ExecCredential` of the API group client.authentication.k8s.io.
  ///
  /// - Parameters:
  ///   - apiVersion: The version that the kubeconfig asks for, which the plugin has to answer with.
  ///   - owner: Whose it is, for errors about the certificate.
  /// - Throws: `Problem` with what is wrong.
  init(_ output: String, apiVersion: String, owner: String, now: Date) throws(Problem) {
    let answer = try Self.decode(output)
    guard answer.kind == "ExecCredential" else {
      throw Problem("prints the kind \(answer.kind ?? "(none)"), and not ExecCredential")
    }
    guard answer.apiVersion == apiVersion else {
      throw Problem("prints apiVersion \(answer.apiVersion ?? "(none)"), and the kubeconfig asks for \(apiVersion)")
    }
    guard let status = answer.status else { throw Problem("prints no status") }
    token = try status.checkedToken()
    certificate = try status.pair(owner: owner)
    guard token != nil || certificate != nil else {
      throw Problem("prints neither status.token nor status.clientCertificateData")
    }
    expiration = try status.expiration()
    if let expiration = status.expirationTimestamp, hasExpired(at: now) {
      throw Problem("prints a credential that has expired already, at \(expiration)")
    }
  }

  struct Problem: Error {
    let text: String

    init(_ text: String) { self.text = text }
  }

  private static func decode(_ output: String) throws(Problem) -> Answer {
    do {
      return try JSONDecoder().decode(Answer.self, from: Data(output.utf8))
    } catch let DecodingError.typeMismatch(_, context) {
      let field = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw Problem(field.isEmpty ? "prints JSON that is no object" : "prints \(field) of the wrong type")
    } catch {
      // The output itself is not shown: it may hold a token.
      throw Problem(
        "does not print JSON, but \(output.isEmpty ? "nothing" : "\(output.utf8.count) bytes of something else")")
    }
  }

  private struct Answer: Decodable {
    var apiVersion: String?
    var kind: String?
    var status: Status?
  }

  private struct Status: Decodable {
    var token: String?
    var clientCertificateData: String?
    var clientKeyData: String?
    var expirationTimestamp: String?

    func checkedToken() throws(Problem) -> String? {
      guard let token, !token.isEmpty else { return nil }
      guard isBearerToken(token) else { throw Problem("prints a status.token that is no bearer token") }
      return token
    }

    func pair(owner: String) throws(Problem) -> (certificate: Material, key: Material)? {
      switch (clientCertificateData, clientKeyData) {
      case (nil, nil): return nil
      case (_?, nil): throw Problem("prints status.clientCertificateData without status.clientKeyData")
      case (nil, _?): throw Problem("prints status.clientKeyData without status.clientCertificateData")
      case (let certificate?, let key?):
        func material(_ text: String, _ field: String) -> Material {
          Material(place: .inline(Array(text.utf8)), field: "status.\(field) of the plugin", owner: owner)
        }
        return (material(certificate, "clientCertificateData"), material(key, "clientKeyData"))
      }
    }

    func expiration() throws(Problem) -> Date? {
      guard let text = expirationTimestamp else { return nil }
      let styles = [false, true].map { Date.ISO8601FormatStyle(includingFractionalSeconds: $0) }
      guard let date = styles.lazy.compactMap({ try? $0.parse(text) }).first else {
        throw Problem("prints \"\(text)\" as status.expirationTimestamp, which is no time in RFC 3339")
      }
      return date
    }
  }
}
