import FoundationEssentials
import SystemPackage
import Yams

/// A kubeconfig as it is written (client-go, tools/clientcmd/api/v1/types.go): the fields that are read, and no check.
struct KubeconfigFile: Decodable {
  var kind: String?
  var currentContext: String?
  var clusters: [NamedCluster]?
  var contexts: [NamedContext]?
  var users: [NamedUser]?

  struct NamedCluster: Decodable {
    var name: String
    var cluster: Cluster?
  }

  struct NamedContext: Decodable {
    var name: String
    var context: Context?
  }

  struct NamedUser: Decodable {
    var name: String
    var user: User?
  }

  struct Context: Decodable {
    var cluster: String?
    var user: String?
  }

  struct Cluster: Decodable {
    var server: String?
    var tlsServerName: String?
    var insecure: Bool?
    var certificateAuthority: String?
    var certificateAuthorityData: String?
    var proxyURL: String?
    var extensions: [NamedExtension]?
  }

  struct NamedExtension: Decodable {
    var name: String
    var `extension`: JSONValue?
  }

  struct User: Decodable {
    var token: String?
    var tokenFile: String?
    var clientCertificate: String?
    var clientCertificateData: String?
    var clientKey: String?
    var clientKeyData: String?
    var username: String?
    var password: String?
    var impersonate: String?
    var impersonateUID: String?
    var impersonateGroups: [String]?
    var impersonateExtra: [String: [String]]?
    var exec: Exec?
    var authProvider: AuthProvider?
  }

  struct Exec: Decodable {
    var apiVersion: String?
    var command: String?
    var args: [String]?
    var env: [Variable]?
    var installHint: String?
    var provideClusterInfo: Bool?
    var interactiveMode: String?
  }

  struct Variable: Decodable {
    var name: String
    var value: String
  }

  struct AuthProvider: Decodable {
    var name: String?
  }
}

extension KubeconfigFile {
  private enum CodingKeys: String, CodingKey {
    case kind, clusters, contexts, users
    case currentContext = "current-context"
  }
}

extension KubeconfigFile.Cluster {
  private enum CodingKeys: String, CodingKey {
    case server, extensions
    case tlsServerName = "tls-server-name"
    case insecure = "insecure-skip-tls-verify"
    case certificateAuthority = "certificate-authority"
    case certificateAuthorityData = "certificate-authority-data"
    case proxyURL = "proxy-url"
  }
}

extension KubeconfigFile.User {
  private enum CodingKeys: String, CodingKey {
    case token, tokenFile, username, password, exec
    case clientCertificate = "client-certificate"
    case clientCertificateData = "client-certificate-data"
    case clientKey = "client-key"
    case clientKeyData = "client-key-data"
    case impersonate = "as"
    case impersonateUID = "as-uid"
    case impersonateGroups = "as-groups"
    case impersonateExtra = "as-user-extra"
    case authProvider = "auth-provider"
  }
}

extension KubeconfigFile {
  /// Reads a file, in YAML or JSON. Unknown fields are ignored, as by kubectl: other tools keep their own there.
  init(at path: FilePath) throws(APIServerError) {
    func wrong(_ reason: String, advice: String? = nil) -> APIServerError {
      APIServerError(.configuration, "read kubeconfig \(path)", reason, advice: advice)
    }
    let bytes: [UInt8]
    do {
      bytes = try contents(of: path)
    } catch {
      let several = path.string.contains(":") ? "name one file, and not several joined by colons" : nil
      throw wrong("\(error)", advice: several)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw wrong("it is not text in UTF-8") }
    guard !text.allSatisfy(\.isWhitespace) else { throw wrong("it is empty") }
    do {
      self = try YAMLDecoder().decode(Self.self, from: text)
    } catch {
      throw wrong(Self.explanation(error))
    }
    if let kind, kind != "Config" { throw wrong("it holds a \(kind), and not a Config") }
  }

  private static func explanation(_ error: any Error) -> String {
    switch error {
    case DecodingError.typeMismatch(let type, let context): "\(path(context)): expected \(name(of: type))"
    case DecodingError.valueNotFound(let type, let context): "\(path(context)): expected \(name(of: type))"
    case DecodingError.keyNotFound(let key, let context):
      "\(path(context, key)): required, and missing"
    case DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty:
      "not valid YAML: \(context.underlyingError.map(line) ?? context.debugDescription)"
    case DecodingError.dataCorrupted(let context): "\(path(context)): \(context.debugDescription)"
    default: "not valid YAML: \(line(error))"
    }
  }

  /// Yams shows the place in an excerpt of several lines.
  private static func line(_ error: any Error) -> String {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "line \(mark.line): \(problem)"
    default: "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
    }
  }

  /// `users[0].user.token`
  private static func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
    let keys = context.codingPath + (key.map { [$0] } ?? [])
    guard !keys.isEmpty else { return "the whole file" }
    return keys.reduce("") { path, key in
      if let index = key.intValue { return "\(path)[\(index)]" }
      return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
    }
  }

  /// Yams names its own types of nodes where the shape is wrong.
  private static func name(of type: Any.Type) -> String {
    switch type {
    case is Bool.Type: "true or false"
    case is Node.Sequence.Type: "a list"
    case is Node.Mapping.Type: "a mapping"
    default: "a string"
    }
  }
}
