import Balancing
import FoundationEssentials
import SystemPackage

extension APIServerSettings {
  /// What the current context of a kubeconfig says. One file, and not several joined by colons as in KUBECONFIG.
  ///
  /// Paths in it are relative to its folder. The file is read once; the files that it names, whenever they are needed.
  ///
  /// - Throws: `APIServerError` of kind `configuration`, which names the file, and the context, cluster or user.
  init(kubeconfig path: FilePath) throws(APIServerError) {
    let reader = KubeconfigReader(file: try KubeconfigFile(at: path), path: path)
    self = try reader.settings()
  }
}

/// Finds the way from the current context to a server and a user.
private struct KubeconfigReader {
  let file: KubeconfigFile
  let path: FilePath

  func settings() throws(APIServerError) -> APIServerSettings {
    guard let name = file.currentContext, !name.isEmpty else {
      throw APIServerError(
        .configuration, "use kubeconfig \(path)", "it has no current-context",
        advice: "choose one by kubectl config use-context")
    }
    let contexts = file.contexts ?? []
    guard let entry = contexts.first(where: { $0.name == name }) else {
      throw APIServerError(
        .configuration, "use kubeconfig \(path)", "its current-context \"\(name)\" is not among its contexts",
        advice: alternatives(contexts.map(\.name)))
    }
    let context = Entry(kind: "context", name: name, path: path)
    let (clusterName, cluster) = try self.cluster(of: entry.context, context)
    let clusterEntry = Entry(kind: "cluster", name: clusterName, path: path)
    var settings = try clusterEntry.settings(cluster)
    settings.source = "kubeconfig \(path), context \(name)"
    if let (userName, user) = try self.user(of: entry.context, context) {
      settings.identity = try Entry(kind: "user", name: userName, path: path).identity(user, cluster, clusterEntry)
    }
    return settings
  }

  private func cluster(
    of context: KubeconfigFile.Context?, _ entry: Entry
  ) throws(APIServerError) -> (String, KubeconfigFile.Cluster) {
    guard let name = context?.cluster, !name.isEmpty else { throw entry.wrong("it names no cluster") }
    let clusters = file.clusters ?? []
    guard let cluster = clusters.first(where: { $0.name == name })?.cluster else {
      throw entry.wrong("there is no cluster \"\(name)\"", advice: alternatives(clusters.map(\.name)))
    }
    return (name, cluster)
  }

  /// Nil where the context names none: then the server is asked without credentials, as by kubectl.
  private func user(
    of context: KubeconfigFile.Context?, _ entry: Entry
  ) throws(APIServerError) -> (String, KubeconfigFile.User)? {
    guard let name = context?.user, !name.isEmpty else { return nil }
    let users = file.users ?? []
    guard let user = users.first(where: { $0.name == name }) else {
      throw entry.wrong("there is no user \"\(name)\"", advice: alternatives(users.map(\.name)))
    }
    return (name, user.user ?? KubeconfigFile.User())
  }

  private func alternatives(_ names: [String]) -> String {
    names.isEmpty ? "there is none at all" : "there is \(names.map { "\"\($0)\"" }.joined(separator: ", "))"
  }
}

/// A named part of a kubeconfig: errors in it name it.
private struct Entry {
  let kind: String
  let name: String
  let path: FilePath

  var owner: String { "\(kind) \"\(name)\" of kubeconfig \(path)" }

  func wrong(_ reason: String, advice: String? = nil) -> APIServerError {
    APIServerError(.configuration, "use \(owner)", reason, advice: advice)
  }

  /// A path in the file, which is relative to the file's folder.
  private func resolved(_ relative: String) -> FilePath { path.removingLastComponent().pushing(FilePath(relative)) }

  /// What one of two fields gives: the one with data goes before the one with a path, as with kubectl.
  private func material(_ field: String, data: String?, file: String?) throws(APIServerError) -> Material? {
    if let data, !data.isEmpty {
      // Line breaks in it are of no account: YAML folds long texts.
      guard let bytes = Data(base64Encoded: data.filter { !$0.isWhitespace }) else {
        throw wrong("\(field)-data: it is not base64")
      }
      return Material(place: .inline(Array(bytes)), field: "\(field)-data", owner: owner)
    }
    guard let file, !file.isEmpty else { return nil }
    return Material(place: .file(resolved(file)), field: field, owner: owner)
  }
}

// MARK: - The cluster

extension Entry {
  func settings(_ cluster: KubeconfigFile.Cluster) throws(APIServerError) -> APIServerSettings {
    guard let text = cluster.server, !text.isEmpty else { throw wrong("server: required, and missing") }
    guard let server = ServerAddress(text) else {
      throw wrong("server: expected a URL such as https://10.96.0.1:6443, found \"\(text)\"")
    }
    var settings = APIServerSettings(source: "", server: server)
    settings.trust = try trust(cluster)
    settings.tlsServerName = try tlsServerName(cluster)
    settings.proxy = try proxy(cluster)
    // NIOSSL would compare the certificate with the proxy's address.
    if settings.proxy != nil && server.usesTLS && IPAddress(server.host) != nil && settings.tlsServerName == nil {
      throw wrong(
        "proxy-url: the certificate of a server that is given by its address cannot be checked through a proxy",
        advice: "give one of the certificate's names in tls-server-name")
    }
    return settings
  }

  private func trust(_ cluster: KubeconfigFile.Cluster) throws(APIServerError) -> APIServerSettings.Trust {
    let authority = try authority(cluster)
    guard cluster.insecure == true else { return authority.map { .authority($0) } ?? .system }
    // As client-go: who gives an authority wants it to be heeded.
    guard authority == nil else {
      throw wrong("insecure-skip-tls-verify and certificate-authority are both given", advice: "remove one of them")
    }
    return .anything
  }

  private func authority(_ cluster: KubeconfigFile.Cluster) throws(APIServerError) -> Material? {
    try material(
      "certificate-authority", data: cluster.certificateAuthorityData, file: cluster.certificateAuthority)
  }

  private func tlsServerName(_ cluster: KubeconfigFile.Cluster) throws(APIServerError) -> String? {
    guard let name = cluster.tlsServerName, !name.isEmpty else { return nil }
    guard IPAddress(name) == nil else {
      throw wrong("tls-server-name: expected a name, found the address \(name)", advice: "an address belongs in server")
    }
    return name
  }

  private func proxy(_ cluster: KubeconfigFile.Cluster) throws(APIServerError) -> APIServerSettings.Proxy? {
    guard let text = cluster.proxyURL, !text.isEmpty else { return nil }
    guard let url = URLComponents(string: text), let host = url.host.map(withoutBrackets), !host.isEmpty else {
      throw wrong("proxy-url: expected a URL such as http://proxy:3128, found \"\(text)\"")
    }
    switch url.scheme?.lowercased() {
    case "http":
      return .init(kind: .http, host: host, port: url.port ?? 80, user: url.user, password: url.password)
    case "socks5":
      guard url.user == nil else { throw wrong("proxy-url: a user of a SOCKS proxy is not supported") }
      return .init(kind: .socks5, host: host, port: url.port ?? 1080)
    default:
      throw wrong("proxy-url: expected http:// or socks5://, found \"\(url.scheme ?? "")://\"")
    }
  }
}

// MARK: - The user

extension Entry {
  func identity(
    _ user: KubeconfigFile.User, _ cluster: KubeconfigFile.Cluster, _ clusterEntry: Entry
  ) throws(APIServerError) -> APIServerSettings.Identity {
    if let provider = user.authProvider {
      throw wrong(
        "auth-provider \(provider.name ?? ""): Kubernetes 1.26 removed auth-provider",
        advice: "have the kubeconfig written anew, with an exec plugin in its place")
    }
    try refuseSeveral(user)
    var identity = APIServerSettings.Identity()
    identity.token = try token(user)
    identity.basic = try basic(user)
    identity.plugin = try plugin(user, cluster, clusterEntry)
    identity.certificate = try certificate(user)
    identity.impersonation = try impersonation(user)
    return identity
  }

  /// One of them would have to be ignored, and the user would not know which.
  private func refuseSeveral(_ user: KubeconfigFile.User) throws(APIServerError) {
    let given = [
      ("token", user.token?.isEmpty == false), ("tokenFile", user.tokenFile?.isEmpty == false),
      ("username", user.username?.isEmpty == false), ("exec", user.exec != nil),
    ].filter(\.1).map(\.0)
    if given.count > 1 {
      throw wrong("\(given.joined(separator: " and ")) are given", advice: "keep one of them")
    }
  }

  private func token(_ user: KubeconfigFile.User) throws(APIServerError) -> Material? {
    if let token = user.token, !token.isEmpty {
      return Material(place: .inline(Array(token.utf8)), field: "token", owner: owner)
    }
    guard let file = user.tokenFile, !file.isEmpty else { return nil }
    return Material(place: .file(resolved(file)), field: "tokenFile", owner: owner)
  }

  private func basic(_ user: KubeconfigFile.User) throws(APIServerError) -> (name: String, password: String)? {
    let password = user.password ?? ""
    guard let name = user.username, !name.isEmpty else {
      if !password.isEmpty { throw wrong("password is given without username") }
      return nil
    }
    guard !name.contains(":") else { throw wrong("username: a colon is not possible (RFC 7617)") }
    return (name, password)
  }

  private func certificate(
    _ user: KubeconfigFile.User
  ) throws(APIServerError) -> (certificate: Material, key: Material)? {
    let certificate = try material(
      "client-certificate", data: user.clientCertificateData, file: user.clientCertificate)
    let key = try material("client-key", data: user.clientKeyData, file: user.clientKey)
    switch (certificate, key) {
    case (nil, nil): return nil
    case (let certificate?, let key?): return (certificate, key)
    case (let certificate?, nil): throw wrong("\(certificate.field) is given without client-key or client-key-data")
    case (nil, let key?): throw wrong("\(key.field) is given without client-certificate or client-certificate-data")
    }
  }

  /// https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
  private func impersonation(_ user: KubeconfigFile.User) throws(APIServerError) -> [(name: String, value: String)] {
    var rest: [(name: String, value: String)] = []
    rest += user.impersonateUID.map { [("Impersonate-Uid", $0)] } ?? []
    rest += (user.impersonateGroups ?? []).map { ("Impersonate-Group", $0) }
    for (key, values) in (user.impersonateExtra ?? [:]).sorted(by: { $0.key < $1.key }) {
      rest += values.map { ("Impersonate-Extra-\(percentEncoded(key.lowercased()))", $0) }
    }
    guard let name = user.impersonate, !name.isEmpty else {
      if !rest.isEmpty { throw wrong("as-uid, as-groups or as-user-extra is given without as") }
      return []
    }
    return [("Impersonate-User", name)] + rest
  }

  private func plugin(
    _ user: KubeconfigFile.User, _ cluster: KubeconfigFile.Cluster, _ clusterEntry: Entry
  ) throws(APIServerError) -> ExecPlugin? {
    guard let exec = user.exec else { return nil }
    let versions = ["v1", "v1beta1"].map { "client.authentication.k8s.io/\($0)" }
    guard let version = exec.apiVersion, versions.contains(version) else {
      throw wrong(
        "exec.apiVersion: expected \(versions.joined(separator: " or ")), found \(exec.apiVersion ?? "nothing")")
    }
    guard let command = exec.command, !command.isEmpty else { throw wrong("exec.command: required, and missing") }
    try checkInteractiveMode(exec, isRequired: version == versions[0])
    var plugin = ExecPlugin(apiVersion: version, command: command, owner: owner)
    if command.contains("/") { plugin.command = resolved(command).string }
    plugin.arguments = exec.args ?? []
    plugin.environment = (exec.env ?? []).map { ($0.name, $0.value) }
    plugin.installHint = exec.installHint.map { $0.split(whereSeparator: \.isNewline).joined(separator: " ") }
    if exec.provideClusterInfo == true { plugin.cluster = try clusterEntry.information(cluster) }
    return plugin
  }

  /// Nobody sits in front of the agent.
  private func checkInteractiveMode(_ exec: KubeconfigFile.Exec, isRequired: Bool) throws(APIServerError) {
    switch exec.interactiveMode {
    case "Never", "IfAvailable": return
    case "Always": throw wrong("exec.interactiveMode is Always, and there is no terminal", advice: "use another user")
    case nil where !isRequired: return
    case let other:
      throw wrong("exec.interactiveMode: expected Never, IfAvailable or Always, found \(other ?? "nothing")")
    }
  }

  /// What a plugin may know of the cluster.
  private func information(_ cluster: KubeconfigFile.Cluster) throws(APIServerError) -> ExecPlugin.Cluster {
    let named = cluster.extensions?.first { $0.name == "client.authentication.k8s.io/exec" }
    return ExecPlugin.Cluster(
      server: cluster.server ?? "", tlsServerName: cluster.tlsServerName, insecure: cluster.insecure,
      authority: try authority(cluster), proxyURL: cluster.proxyURL, config: named?.extension)
  }
}
