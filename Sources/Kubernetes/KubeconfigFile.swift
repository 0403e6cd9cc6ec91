import SystemPackage
import YAML

/// A kubeconfig as it is written (client-go, tools/clientcmd/api/v1/types.go): the fields that are read, and no check.
struct KubeconfigFile {
  var kind: String?
  var currentContext: String?
  var clusters: [NamedCluster]?
  var contexts: [NamedContext]?
  var users: [NamedUser]?

  struct NamedCluster {
    var name: String
    var cluster: Cluster?
  }

  struct NamedContext {
    var name: String
    var context: Context?
  }

  struct NamedUser {
    var name: String
    var user: User?
  }

  struct Context {
    var cluster: String?
    var user: String?
  }

  struct Cluster {
    var server: String?
    var tlsServerName: String?
    var insecure: Bool?
    var certificateAuthority: String?
    var certificateAuthorityData: String?
    var proxyURL: String?
    var extensions: [NamedExtension]?
  }

  struct NamedExtension {
    var name: String
    var `extension`: JSONValue?
  }

  struct User {
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

  struct Exec {
    var apiVersion: String?
    var command: String?
    var args: [String]?
    var env: [Variable]?
    var installHint: String?
    var provideClusterInfo: Bool?
    var interactiveMode: String?
  }

  struct Variable {
    var name: String
    var value: String
  }

  struct AuthProvider {
    var name: String?
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
      self = try Self(in: text)
    } catch {
      throw wrong(error.text)
    }
    if let kind, kind != "Config" { throw wrong("it holds a \(kind), and not a Config") }
  }
}
