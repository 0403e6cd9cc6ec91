import FoundationEssentials

/// Where an API server answers: the start of every URL.
struct ServerAddress: Sendable, Equatable {
  let usesTLS: Bool
  /// A name or an IP address, without brackets.
  let host: String
  let port: Int
  /// What comes before the API's own path, where several clusters share a host: `/k8s/clusters/c-1`; usually empty.
  let pathPrefix: String

  init(usesTLS: Bool, host: String, port: Int, pathPrefix: String = "") {
    (self.usesTLS, self.host, self.port, self.pathPrefix) = (usesTLS, host, port, pathPrefix)
  }

  /// Reads `https://10.96.0.1:6443`; nil where it is no URL of http or https with a host and nothing but a path behind it.
  init?(_ text: String) {
    guard let url = URLComponents(string: text), let scheme = url.scheme?.lowercased(),
      ["http", "https"].contains(scheme), let host = url.host.map(withoutBrackets), !host.isEmpty,
      url.query == nil, url.fragment == nil, url.user == nil
    else { return nil }
    let port = url.port ?? (scheme == "https" ? 443 : 80)
    guard (1...Int(UInt16.max)).contains(port) else { return nil }
    let path = url.percentEncodedPath
    self.init(
      usesTLS: scheme == "https", host: host, port: port,
      pathPrefix: path.hasSuffix("/") ? String(path.dropLast()) : path)
  }

  /// `10.96.0.1:6443`, `[fd00::1]:6443`; the header `Host`.
  var hostAndPort: String { "\(bracketed(host)):\(port)" }

  /// A request's URL.
  ///
  /// - Parameter name: The name in the URL, in place of the host's.
  func url(_ request: APIRequest, name: String? = nil) -> String {
    let query = request.query.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }.joined(separator: "&")
    return "\(usesTLS ? "https" : "http")://\(bracketed(name ?? host)):\(port)\(pathPrefix)\(request.path)"
      + (query.isEmpty ? "" : "?\(query)")
  }
}

extension ServerAddress: CustomStringConvertible {
  var description: String { "\(usesTLS ? "https" : "http")://\(hostAndPort)\(pathPrefix)" }
}

/// An IPv6 address in brackets, as it stands in URLs (RFC 3986 §3.2.2); anything else as it is.
private func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

func withoutBrackets(_ host: String) -> String {
  host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
}

/// Everything but letters, digits and `-._~` percent-encoded (RFC 3986 §2.3). A `+` too: Go reads it as a space.
func percentEncoded(_ text: String) -> String {
  text.utf8.map { byte in
    let character = Character(Unicode.Scalar(byte))
    if character.isASCII && (character.isLetter || character.isNumber) || "-._~".contains(character) {
      return String(character)
    }
    return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }.joined()
}
