import Foundation
import NIOSSL
import SystemPackage
import Testing

@testable import Kubernetes

@Suite("A kubeconfig")
struct KubeconfigTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  @Test("gives the server, the authority and the user of its current context")
  func currentContext() throws {
    let settings = try settings(
      """
      apiVersion: v1
      kind: Config
      preferences: {colors: true}
      current-context: b
      clusters:
      - {name: ca, cluster: {server: "https://10.0.0.1:6443"}}
      - {name: cb, cluster: {server: "https://[fd00::1]/k8s/clusters/c-1/", certificate-authority: pki/ca.crt}}
      contexts:
      - {name: a, context: {cluster: ca, user: ua, namespace: x}}
      - {name: b, context: {cluster: cb, user: ub}}
      users:
      - {name: ua, user: {token: wrong}}
      - {name: ub, user: {token: right}}
      """)
    #expect(settings.source == "kubeconfig \(folder.path)/config, context b")
    #expect(settings.server.description == "https://[fd00::1]:443/k8s/clusters/c-1")
    #expect(try settings.identity.token?.readText() == "right")
    guard case .authority(let authority) = settings.trust else {
      Issue.record("no authority")
      return
    }
    #expect(authority.place == .file(folder / "pki/ca.crt"))
  }

  @Test("is read as kubectl 1.32 writes it")
  func kubectl() throws {
    let settings = try settings(
      """
      apiVersion: v1
      clusters:
      - cluster:
          certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
          proxy-url: http://proxy:3128
          server: https://10.0.0.1:6443
          tls-server-name: kubernetes
        name: dev
      contexts:
      - context:
          cluster: dev
          namespace: x
          user: login
        name: dev
      current-context: dev
      kind: Config
      preferences: {}
      users:
      - name: basic
        user:
          password: pw
          username: me
      - name: login
        user:
          exec:
            apiVersion: client.authentication.k8s.io/v1
            args:
            - get
            - token
            command: login
            env:
            - name: A
              value: "1"
            interactiveMode: Never
            provideClusterInfo: true
      """)
    #expect(settings.server.description == "https://10.0.0.1:6443")
    #expect(settings.tlsServerName == "kubernetes")
    #expect(settings.proxy == .init(kind: .http, host: "proxy", port: 3128))
    let plugin = try #require(settings.identity.plugin)
    #expect(plugin.command == "login")
    #expect(plugin.arguments == ["get", "token"])
    #expect(try plugin.cluster?.authority?.readText() == "-----BEGIN CERTIFICATE-----")
  }

  @Test("may be written in JSON")
  func json() throws {
    let settings = try settings(
      #"{"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "l"}}],"#
        + #""clusters": [{"name": "l", "cluster": {"server": "http://127.0.0.1:8001"}}]}"#)
    #expect(settings.server == ServerAddress(usesTLS: false, host: "127.0.0.1", port: 8001))
    #expect(settings.identity.token == nil)
  }

  @Test("takes data before files, and its folder before paths")
  func data() throws {
    let text = Data("PEM".utf8).base64EncodedString()
    let settings = try settings(
      cluster: "certificate-authority: /x, certificate-authority-data: \(text)",
      user: "client-certificate: /abs.crt, client-key: rel.key")
    #expect(
      settings.trust
        == .authority(
          Material(
            place: .inline(Array("PEM".utf8)), field: "certificate-authority-data",
            owner: "cluster \"l\" of kubeconfig \(folder.path)/config")))
    #expect(settings.identity.certificate?.certificate.place == .file("/abs.crt"))
    #expect(settings.identity.certificate?.key.place == .file(folder / "rel.key"))
  }

  @Test("may use anchors and merge keys, and numbers for strings")
  func mergeKeys() throws {
    let settings = try settings(
      """
      current-context: 7
      contexts: [{name: 7, context: {cluster: l, user: u}}]
      common: &common {server: "https://127.0.0.1:1", tls-server-name: a}
      clusters: [{name: l, cluster: {<<: *common, tls-server-name: b}}]
      users: [{name: u, user: {token: 123, password: null}}]
      """)
    #expect(settings.server.host == "127.0.0.1")
    #expect(settings.tlsServerName == "b")
    #expect(settings.identity.token?.place == .inline(Array("123".utf8)))
  }

  @Test("hands an exec plugin what its extension holds, as JSON")
  func extensions() throws {
    let values = "a: 0x10, b: 010, c: -5, d: 1.5, e: \"7\", f: yes, g: ~, h: .inf, i: !!str 8, j: 1_000, k: 09, l: 0"
    let settings = try settings(
      cluster: "extensions: [{name: client.authentication.k8s.io/exec, extension: {\(values)}}]",
      user: "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Never, "
        + "provideClusterInfo: true}")
    #expect(
      settings.identity.plugin?.cluster?.config
        == .object([
          "a": .integer(16), "b": .integer(8), "c": .integer(-5), "d": .number(1.5), "e": .string("7"),
          "f": .bool(true), "g": .null, "h": .string(".inf"), "i": .string("8"), "j": .integer(1000), "k": .number(9),
          "l": .integer(0),
        ]))
  }

  @Test("takes base64 that YAML folds over several lines")
  func foldedBase64() throws {
    let settings = try settings(cluster: "certificate-authority-data: \"UE\n      VN\"")
    guard case .authority(let authority) = settings.trust else {
      Issue.record("no authority")
      return
    }
    #expect(authority.place == .inline(Array("PEM".utf8)))
  }

  @Test("gives the name of the certificate, the proxy, and whether anything is trusted")
  func clusterFields() throws {
    let settings = try settings(
      cluster: "insecure-skip-tls-verify: true, tls-server-name: kubernetes, proxy-url: \"http://me:pw@proxy:3128\"")
    #expect(settings.trust == .anything)
    #expect(settings.tlsServerName == "kubernetes")
    #expect(settings.proxy == .init(kind: .http, host: "proxy", port: 3128, user: "me", password: "pw"))
    let socks = try self.settings(cluster: "tls-server-name: a, proxy-url: \"socks5://[::1]\"")
    #expect(socks.proxy == .init(kind: .socks5, host: "::1", port: 1080))
  }

  @Test("gives headers for a user and password, and for acting as somebody else")
  func headers() throws {
    let settings = try settings(
      user:
        "username: me, password: pw, as: you, as-uid: u1, as-groups: [g1, g2], as-user-extra: {example.com/Scopes: [s1]}"
    )
    let headers = settings.headers(try settings.credentials(issued: nil)).map { "\($0.name): \($0.value)" }
    #expect(
      headers == [
        "Impersonate-User: you", "Impersonate-Uid: u1", "Impersonate-Group: g1", "Impersonate-Group: g2",
        "Impersonate-Extra-example.com%2Fscopes: s1", "Authorization: Basic bWU6cHc=",
      ])
  }

  @Test("gives an exec plugin, whose path is relative to the file")
  func exec() throws {
    let settings = try settings(
      cluster:
        "tls-server-name: kubernetes, extensions: [{name: client.authentication.k8s.io/exec, extension: {a: [1, b]}}]",
      user: """
        exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, args: [a, b],
          env: [{name: A, value: "1"}], installHint: "get\\nit", interactiveMode: IfAvailable, provideClusterInfo: true}
        """)
    let plugin = try #require(settings.identity.plugin)
    #expect(FilePath(plugin.command).lexicallyNormalized() == folder / "bin/login")
    #expect(plugin.arguments == ["a", "b"])
    #expect(plugin.environment.map { "\($0.name)=\($0.value)" } == ["A=1"])
    #expect(plugin.installHint == "get it")
    #expect(plugin.cluster?.config == .object(["a": .array([.integer(1), .string("b")])]))
  }

  @Test(
    "that cannot be read says why",
    arguments: [
      ("", "it is empty"), ("  \n", "it is empty"),
      (
        "a: [",
        "not valid YAML: line 2: did not find expected node content, while parsing a flow node that begins in line 2"
      ),
      ("a: b\n---\nc: d", "not valid YAML: line 3: another document begins here; one was expected"),
      ("# nothing", "the whole file: expected a mapping"),
      ("users: [{name: u, user: {exec: {args: a}}}]", "users[0].user.exec.args: expected a list"),
      ("users: [{name: u, user: {as-user-extra: {a: [[]]}}}]", "users[0].user.as-user-extra.a[0]: expected a string"),
      ("- a", "the whole file: expected a mapping"), ("kind: Service", "it holds a Service, and not a Config"),
      ("clusters: {}", "clusters: expected a list"), ("users: [{user: {}}]", "users[0].name: required, and missing"),
      ("users: [{name: u, user: {token: [a]}}]", "users[0].user.token: expected a string"),
      (
        "clusters: [{name: c, cluster: {insecure-skip-tls-verify: maybe}}]",
        "clusters[0].cluster.insecure-skip-tls-verify: expected true or false"
      ),
    ])
  func unreadable(text: String, message: String) throws {
    let refusal = try refusal(text)
    #expect(refusal == "cannot read kubeconfig FOLDER/config: \(message)")
  }

  @Test("that is not there, or is several files, says so")
  func missing() throws {
    #expect(refusal(of: "nothing") == "cannot read kubeconfig FOLDER/nothing: No such file or directory")
    #expect(
      refusal(of: "a:b")
        == "cannot read kubeconfig FOLDER/a:b: No such file or directory; name one file, and not several joined by colons"
    )
    #expect(refusal(of: ".") == "cannot read kubeconfig FOLDER/.: Is a directory")
  }

  @Test(
    "whose parts do not fit together says which",
    arguments: [
      ("clusters: []", "kubeconfig FOLDER/config: it has no current-context; choose one by kubectl config use-context"),
      (
        "current-context: c\ncontexts: [{name: d, context: {}}, {name: e, context: {}}]",
        "kubeconfig FOLDER/config: its current-context \"c\" is not among its contexts; there is \"d\", \"e\""
      ),
      (
        "current-context: c\ncontexts: ~",
        "kubeconfig FOLDER/config: its current-context \"c\" is not among its contexts; there is none at all"
      ),
      ("current-context: c\ncontexts: [{name: c}]", "context \"c\" of kubeconfig FOLDER/config: it names no cluster"),
      (
        "current-context: c\ncontexts: [{name: c, context: {cluster: l}}]\nclusters: [{name: m, cluster: {}}]",
        "context \"c\" of kubeconfig FOLDER/config: there is no cluster \"l\"; there is \"m\""
      ),
      (
        "current-context: c\ncontexts: [{name: c, context: {cluster: l, user: u}}]\n"
          + "clusters: [{name: l, cluster: {server: \"https://a\"}}]",
        "context \"c\" of kubeconfig FOLDER/config: there is no user \"u\"; there is none at all"
      ),
      (
        "current-context: c\ncontexts: [{name: c, context: {cluster: l}}]\nclusters: [{name: l, cluster: {}}]",
        "cluster \"l\" of kubeconfig FOLDER/config: server: required, and missing"
      ),
    ])
  func contradictions(text: String, message: String) throws {
    let refusal = try refusal(text)
    #expect(refusal == "cannot use \(message)")
  }

  @Test(
    "with a server that is no URL of an API server is refused",
    arguments: [
      "10.0.0.1", "10.0.0.1:6443", "ftp://a", "https://", "https://a:0", "https://a:70000", "https://a?b", "a b",
    ])
  func server(url: String) throws {
    let text = "current-context: c\ncontexts: [{name: c, context: {cluster: l}}]\n"
    let message = "server: expected a URL such as https://10.96.0.1:6443, found \"\(url)\""
    #expect(
      try refusal(text + "clusters: [{name: l, cluster: {server: \"\(url)\"}}]")
        == "cannot use cluster \"l\" of kubeconfig FOLDER/config: \(message)")
  }

  @Test(
    "with a wrong field of a cluster names it",
    arguments: [
      ("certificate-authority-data: \"!\"", "certificate-authority-data: it is not base64"),
      (
        "certificate-authority: a, insecure-skip-tls-verify: true",
        "insecure-skip-tls-verify and certificate-authority are both given; remove one of them"
      ),
      (
        "tls-server-name: 10.0.0.1",
        "tls-server-name: expected a name, found the address 10.0.0.1; an address belongs in server"
      ),
      ("proxy-url: proxy", "proxy-url: expected a URL such as http://proxy:3128, found \"proxy\""),
      ("proxy-url: \"https://proxy\"", "proxy-url: expected http:// or socks5://, found \"https://\""),
      (
        "proxy-url: \"http://proxy\"",
        "proxy-url: the certificate of a server that is given by its address cannot be checked through a proxy; "
          + "give one of the certificate's names in tls-server-name"
      ),
      ("proxy-url: \"socks5://a@proxy\"", "proxy-url: a user of a SOCKS proxy is not supported"),
    ])
  func clusterFields(fields: String, message: String) throws {
    #expect(
      try refusal(configuration(cluster: fields)) == "cannot use cluster \"l\" of kubeconfig FOLDER/config: \(message)")
  }

  @Test(
    "with a wrong field of a user names it",
    arguments: [
      ("token: a, tokenFile: b", "token and tokenFile are given; keep one of them"),
      ("token: a, username: b", "token and username are given; keep one of them"),
      ("token: a, exec: {}", "token and exec are given; keep one of them"),
      ("password: a", "password is given without username"),
      ("username: \"a:b\"", "username: a colon is not possible (RFC 7617)"),
      ("client-certificate: a", "client-certificate is given without client-key or client-key-data"),
      ("client-certificate-data: YQ==", "client-certificate-data is given without client-key or client-key-data"),
      ("client-key: a", "client-key is given without client-certificate or client-certificate-data"),
      ("client-key-data: \"=\"", "client-key-data: it is not base64"),
      ("as-groups: [a]", "as-uid, as-groups or as-user-extra is given without as"),
      (
        "auth-provider: {name: gcp}",
        "auth-provider gcp: Kubernetes 1.26 removed auth-provider; have the kubeconfig written anew, with an exec plugin "
          + "in its place"
      ),
      (
        "exec: {apiVersion: client.authentication.k8s.io/v1alpha1}",
        "exec.apiVersion: expected client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1, found "
          + "client.authentication.k8s.io/v1alpha1"
      ),
      (
        "exec: {command: a}",
        "exec.apiVersion: expected client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1, found nothing"
      ),
      ("exec: {apiVersion: client.authentication.k8s.io/v1}", "exec.command: required, and missing"),
      (
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: a}",
        "exec.interactiveMode: expected Never, IfAvailable or Always, found nothing"
      ),
      (
        "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: a, interactiveMode: Always}",
        "exec.interactiveMode is Always, and there is no terminal; use another user"
      ),
      (
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: sometimes}",
        "exec.interactiveMode: expected Never, IfAvailable or Always, found sometimes"
      ),
    ])
  func userFields(fields: String, message: String) throws {
    #expect(
      try refusal(configuration(user: fields)) == "cannot use user \"u\" of kubeconfig FOLDER/config: \(message)")
  }

  @Test(
    "that names files says what is wrong with them",
    arguments: [
      ("", "tokenFile: none", "user \"u\": tokenFile: FOLDER/none cannot be read: No such file or directory"),
      ("", "tokenFile: .", "user \"u\": tokenFile: FOLDER/. cannot be read: Is a directory"),
      ("", "tokenFile: empty", "user \"u\": tokenFile: FOLDER/empty is empty; a bearer token was expected"),
      (
        "", "tokenFile: text",
        "user \"u\": tokenFile: FOLDER/text is no bearer token; it holds white space or characters outside of ASCII"
      ),
      (
        "certificate-authority: none", "",
        "cluster \"l\": certificate-authority: FOLDER/none cannot be read: No such file or directory"
      ),
      (
        "certificate-authority: text", "",
        "cluster \"l\": certificate-authority: FOLDER/text holds no certificate in PEM; it has to begin with "
          + "-----BEGIN CERTIFICATE-----"
      ),
      (
        "certificate-authority: empty", "",
        "cluster \"l\": certificate-authority: FOLDER/empty holds no certificate in PEM; it has to begin with "
          + "-----BEGIN CERTIFICATE-----"
      ),
      (
        "certificate-authority-data: aGVsbG8=", "",
        "cluster \"l\": certificate-authority-data holds no certificate in PEM; it has to begin with "
          + "-----BEGIN CERTIFICATE-----"
      ),
      (
        "", "client-certificate: text, client-key: client.key",
        "user \"u\": client-certificate: FOLDER/text holds no certificate in PEM; it has to begin with "
          + "-----BEGIN CERTIFICATE-----"
      ),
      (
        "", "client-certificate: client.crt, client-key: text",
        "user \"u\": client-key: FOLDER/text holds no private key in PEM; a line -----BEGIN … PRIVATE KEY----- was expected"
      ),
      (
        "", "client-certificate: client.crt, client-key: empty",
        "user \"u\": client-key: FOLDER/empty holds no private key in PEM; a line -----BEGIN … PRIVATE KEY----- was expected"
      ),
      (
        "", "client-certificate: client.crt, client-key: encrypted.key",
        "user \"u\": client-key: FOLDER/encrypted.key is encrypted; nobody can be asked for its passphrase: decrypt it"
      ),
      (
        "", "client-certificate: client.crt, client-key: server.key",
        "user \"u\": client-key: FOLDER/server.key does not belong to the certificate in client-certificate"
      ),
    ])
  func files(cluster: String, user: String, message: String) async throws {
    let certificates = try await Certificates.shared()
    try folder.write("", to: "empty")
    try folder.write("not a\ntoken\n", to: "text")
    try folder.write(certificates.client.certificate, to: "client.crt")
    try folder.write(certificates.client.key, to: "client.key")
    try folder.write(certificates.server.key, to: "server.key")
    try folder.write(certificates.encryptedKey, to: "encrypted.key")
    let settings = try settings(cluster: cluster, user: user)
    let error = await #expect(throws: APIServerError.self) {
      try await withClient(settings) { _ in }
    }
    #expect(error?.kind == .configuration)
    let expected = message.replacing("\": ", with: "\" of kubeconfig FOLDER/config: ", maxReplacements: 1)
    #expect(withoutFolder(error) == "cannot use \(expected)")
  }

  // MARK: - Kubeconfigs

  /// One context with a cluster and a user, and the given fields in these.
  private func configuration(cluster: String = "", user: String = "") -> String {
    """
    current-context: c
    contexts: [{name: c, context: {cluster: l, user: u}}]
    clusters: [{name: l, cluster: {server: "https://127.0.0.1:1", \(cluster)}}]
    users: [{name: u, user: {\(user)}}]
    """
  }

  private func settings(cluster: String = "", user: String = "") throws -> APIServerSettings {
    try settings(configuration(cluster: cluster, user: user))
  }

  private func settings(_ text: String) throws -> APIServerSettings {
    try folder.write(text, to: "config")
    return try APIServerSettings(kubeconfig: folder / "config")
  }

  private func refusal(_ text: String) throws -> String {
    try folder.write(text, to: "config")
    return refusal(of: "config")
  }

  private func refusal(of name: String) -> String {
    let error = #expect(throws: APIServerError.self) { try APIServerSettings(kubeconfig: folder / name) }
    #expect(error?.kind == .configuration)
    return withoutFolder(error)
  }

  private func withoutFolder(_ error: APIServerError?) -> String {
    error?.description.replacing(folder.path.string, with: "FOLDER") ?? "no error"
  }
}
