import YAML

// Which field is read from where.
extension KubeconfigFile {
  /// - Throws: The first thing that is wrong, and where.
  init(in text: String) throws(KubeconfigProblem) {
    let document: Node?
    do {
      document = try Node.document(in: text)
    } catch {
      throw KubeconfigProblem(text: "not valid YAML: \(error)")
    }
    let fields = try KubeconfigValue(node: document, path: "").fields()
    kind = try fields.text("kind")
    currentContext = try fields.text("current-context")
    clusters = try fields.list("clusters") { value throws(KubeconfigProblem) in try NamedCluster(value.fields()) }
    contexts = try fields.list("contexts") { value throws(KubeconfigProblem) in try NamedContext(value.fields()) }
    users = try fields.list("users") { value throws(KubeconfigProblem) in try NamedUser(value.fields()) }
  }
}

extension KubeconfigFile.NamedCluster {
  fileprivate init(_ fields: KubeconfigFields) throws(KubeconfigProblem) {
    name = try fields.required("name")
    cluster = try fields.fields("cluster").map(KubeconfigFile.Cluster.init)
  }
}

extension KubeconfigFile.NamedContext {
  fileprivate init(_ fields: KubeconfigFields) throws(KubeconfigProblem) {
    name = try fields.required("name")
    context = try fields.fields("context").map(KubeconfigFile.Context.init)
  }
}

extension KubeconfigFile.NamedUser {
  fileprivate init(_ fields: KubeconfigFields) throws(KubeconfigProblem) {
    name = try fields.required("name")
    user = try fields.fields("user").map(KubeconfigFile.User.init)
  }
}

extension KubeconfigFile.Context {
  fileprivate init(_ fields: KubeconfigFields) throws(KubeconfigProblem) {
    cluster = try fields.text("cluster")
    user = try fields.text("user")
  }
}

extension KubeconfigFile.Cluster {
  fileprivate init(_ fields: KubeconfigFields) throws(KubeconfigProblem) {
    server = try fields.text("server")
    tlsServerName = try fields.text("tls-server-name")
    insecure = try fields.bool("insecure-skip-tls-verify")
    certificateAuthority = try fields.text("certificate-authority")
    certificateAuthorityData = try fields.text("certificate-authority-data")
    proxyURL = try fields.text("proxy-url")
    extensions = try fields.list("extensions") { value throws(KubeconfigProblem) in
      let fields = try value.fields()
      return KubeconfigFile.NamedExtension(
        name: try fields.required("name"), extension: fields["extension"]?.node.map(JSONValue.init))
    }
  }
}

extension KubeconfigFile.User {
  fileprivate init(_ fields: KubeconfigFields) throws(KubeconfigProblem) {
    token = try fields.text("token")
    tokenFile = try fields.text("tokenFile")
    clientCertificate = try fields.text("client-certificate")
    clientCertificateData = try fields.text("client-certificate-data")
    clientKey = try fields.text("client-key")
    clientKeyData = try fields.text("client-key-data")
    username = try fields.text("username")
    password = try fields.text("password")
    impersonate = try fields.text("as")
    impersonateUID = try fields.text("as-uid")
    impersonateGroups = try fields.texts("as-groups")
    impersonateExtra = try fields.fields("as-user-extra")?.textsByName()
    exec = try fields.fields("exec").map(KubeconfigFile.Exec.init)
    authProvider = try fields.fields("auth-provider").map { fields throws(KubeconfigProblem) in
      KubeconfigFile.AuthProvider(name: try fields.text("name"))
    }
  }
}

extension KubeconfigFile.Exec {
  fileprivate init(_ fields: KubeconfigFields) throws(KubeconfigProblem) {
    apiVersion = try fields.text("apiVersion")
    command = try fields.text("command")
    args = try fields.texts("args")
    env = try fields.list("env") { value throws(KubeconfigProblem) in
      let fields = try value.fields()
      return KubeconfigFile.Variable(name: try fields.required("name"), value: try fields.required("value"))
    }
    installHint = try fields.text("installHint")
    provideClusterInfo = try fields.bool("provideClusterInfo")
    interactiveMode = try fields.text("interactiveMode")
  }
}
