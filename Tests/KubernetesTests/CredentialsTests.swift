import Foundation
import NIOHTTP1
import NIOSSL
import SystemPackage
import Testing

@testable import Kubernetes

@Suite("Credentials")
struct CredentialsTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  // MARK: - Tokens in files

  @Test("a token file is read anew after a minute, and not before")
  func tokenFileRotates() async throws {
    try folder.write("first\n", to: "token")
    let clock = TestClock()
    try await withServer { server in
      try await withClient(settings(server), clock: clock) { client in
        _ = try await client.status()
        try folder.write("second\n", to: "token")
        clock.advance(by: 59)
        _ = try await client.status()
        clock.advance(by: 1)
        _ = try await client.status()
      }
      #expect(server.tokens == ["Bearer first", "Bearer first", "Bearer second"])
    }
  }

  @Test("a token file is read anew when the clock was set back")
  func clockSetBack() async throws {
    try folder.write("first", to: "token")
    let clock = TestClock()
    try await withServer { server in
      try await withClient(settings(server), clock: clock) { client in
        try folder.write("second", to: "token")
        clock.advance(by: -3600)
        _ = try await client.status()
      }
      #expect(server.tokens == ["Bearer second"])
    }
  }

  @Test("a token that is refused is read anew at once, and the request repeated")
  func refusedToken() async throws {
    try folder.write("first", to: "token")
    try await withServer(answer: accepting("second")) { server in
      try await withClient(settings(server)) { client in
        try folder.write("second", to: "token")
        let status = try await client.status()
        #expect(status == 200)
      }
      #expect(server.tokens == ["Bearer first", "Bearer second"])
    }
  }

  @Test("a token that is refused and has not changed is not sent twice: the caller sees the 401")
  func refusedUnchangedToken() async throws {
    try folder.write("first", to: "token")
    try await withServer(answer: accepting("second")) { server in
      try await withClient(settings(server)) { client in
        let status = try await client.status()
        #expect(status == 401)
      }
      #expect(server.tokens == ["Bearer first"])
    }
  }

  @Test("a new token that is refused too is not tried again")
  func refusedTwice() async throws {
    try folder.write("first", to: "token")
    try await withServer(answer: accepting("third")) { server in
      try await withClient(settings(server)) { client in
        try folder.write("second", to: "token")
        let status = try await client.status()
        #expect(status == 401)
      }
      #expect(server.tokens == ["Bearer first", "Bearer second"])
    }
  }

  @Test("a token file that vanishes is no harm as long as its token is accepted, and is named when it is not")
  func vanishedTokenFile() async throws {
    try folder.write("first", to: "token")
    let clock = TestClock()
    let isAccepted = Flag(true)
    let answer: @Sendable (HTTPRequestHead) -> TestServer.Answer = { _ in
      isAccepted.value ? .init() : .status(.unauthorized)
    }
    try await withServer(answer: answer) { server in
      try await withClient(settings(server), clock: clock) { client in
        try folder.remove("token")
        clock.advance(by: 60)
        let status = try await client.status()
        #expect(status == 200)
        isAccepted.value = false
        let error = await #expect(throws: APIServerError.self) { try await client.status() }
        #expect(
          error?.description == "cannot use a test's settings: tokenFile: \(folder / "token") cannot be read: "
            + "No such file or directory")
      }
    }
  }

  private func settings(_ server: TestServer) -> APIServerSettings {
    var settings = APIServerSettings.plain(server)
    settings.identity.token = .file(folder / "token", "tokenFile")
    return settings
  }

  // MARK: - Exec plugins

  @Test("an exec plugin is run once for many requests, and again when its token expires", arguments: ["v1", "v1beta1"])
  func pluginTokenExpires(version: String) async throws {
    let clock = TestClock()
    let status = #"{"token": "t'$n'", "expirationTimestamp": "\#(clock.timestamp(in: 600))"}"#
    let later = #"{"token": "t'$n'", "expirationTimestamp": "\#(clock.timestamp(in: 1200))"}"#
    let plugin = try plugin(
      """
      echo run >> \(folder / "runs")
      n=$(wc -l < \(folder / "runs"))
      if [ $n = 1 ]; then echo '\(execCredential(status, version: version))'
      else echo '\(execCredential(later, version: version))'; fi
      """, in: folder, version: version)
    try await withServer { server in
      try await withClient(settings(server, plugin), clock: clock) { client in
        _ = try await client.status()
        clock.advance(by: 599)
        _ = try await client.status()
        clock.advance(by: 1)
        _ = try await client.status()
        _ = try await client.status()
      }
      #expect(server.tokens == ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2"])
    }
  }

  @Test("an exec plugin is run again when its token is refused, once for all requests that are under way")
  func pluginTokenRefused() async throws {
    let plugin = try plugin(
      """
      echo run >> \(folder / "runs")
      echo '\(execCredential(#"{"token": "t'$(wc -l < \#(folder / "runs"))'"}"#))'
      """, in: folder)
    try await withServer(answer: accepting("t2")) { server in
      try await withClient(settings(server, plugin)) { client in
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<10 { group.addTask { try await client.status() } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 10))
      }
    }
    #expect(try folder.read("runs") == "run\nrun\n")
  }

  @Test("an exec plugin is told of itself and of the cluster, in its environment, and has no terminal to ask on")
  func pluginInput() async throws {
    var plugin = try plugin(
      """
      echo "$KUBERNETES_EXEC_INFO" > \(folder / "information")
      echo "$1 $A $(cat)" > \(folder / "rest")
      echo '\(execCredential(#"{"token": "t"}"#))'
      """, in: folder)
    plugin.arguments = ["one"]
    plugin.environment = [("A", "two")]
    plugin.cluster = .init(
      server: "https://10.0.0.1", tlsServerName: "kubernetes", authority: .text("PEM", "certificate-authority-data"),
      config: .object(["audience": .string("a")]))
    _ = try await plugin.run(limit: .seconds(60), now: TestClock().now)
    let cluster =
      #"{"certificate-authority-data":"UEVN","config":{"audience":"a"},"server":"https://10.0.0.1","#
      + #""tls-server-name":"kubernetes"}"#
    #expect(
      try folder.read("information")
        == #"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","#
        + #""spec":{"cluster":\#(cluster),"interactive":false}}"# + "\n")
    #expect(try folder.read("rest") == "one two \n")
  }

  @Test("an exec plugin may give a client certificate")
  func pluginCertificate() async throws {
    let certificates = try await Certificates.shared()
    let pair = certificates.client
    let status = JSONValue.object([
      "clientCertificateData": .string(pair.certificate), "clientKeyData": .string(pair.key),
    ])
    try folder.write(execCredential(status.text), to: "credential")
    let plugin = try plugin("cat \(folder / "credential")", in: folder)
    let tls = try TLSConfiguration.server(certificates.server, clientAuthority: certificates.authority)
    try await withServer(tls: tls) { server in
      var settings = APIServerSettings.secure(server, authority: certificates.authority)
      settings.identity.plugin = plugin
      try await withClient(settings) { client in
        let status = try await client.status()
        #expect(status == 200)
      }
    }
  }

  @Test(
    "an exec plugin that gives nothing to use says why",
    arguments: [
      ("echo no >&2; echo login >&2; exit 3", "ends with exited(3): no / login"),
      ("exit 1", "ends with exited(1) and says nothing"),
      ("true", "does not print JSON, but nothing"),
      ("echo secret", "does not print JSON, but 7 bytes of something else"),
      ("echo '[]'", "prints JSON that is no object"),
      ("echo '{}'", "prints the kind (none), and not ExecCredential"),
      (#"echo '{"kind": "Secret"}'"#, "prints the kind Secret, and not ExecCredential"),
      (
        #"echo '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1"}'"#,
        "prints apiVersion client.authentication.k8s.io/v1beta1, and the kubeconfig asks for client.authentication.k8s.io/v1"
      ),
      (
        #"echo '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}'"#, "prints no status"
      ),
      (echo("{}"), "prints neither status.token nor status.clientCertificateData"),
      (echo(#"{"token": 5}"#), "prints status.token of the wrong type"),
      (echo(#"{"token": "a b"}"#), "prints a status.token that is no bearer token"),
      (
        echo(#"{"clientCertificateData": "a"}"#), "prints status.clientCertificateData without status.clientKeyData"
      ),
      (echo(#"{"clientKeyData": "a"}"#), "prints status.clientKeyData without status.clientCertificateData"),
      (
        echo(#"{"token": "a", "expirationTimestamp": "soon"}"#),
        "prints \"soon\" as status.expirationTimestamp, which is no time in RFC 3339"
      ),
      (
        echo(#"{"token": "a", "expirationTimestamp": "2020-01-01T00:00:00Z"}"#),
        "prints a credential that has expired already, at 2020-01-01T00:00:00Z"
      ),
      ("yes", "prints more than 1048576 bytes"),
    ])
  func uselessPlugin(script: String, message: String) async throws {
    let plugin = try plugin(script, in: folder)
    let error = await #expect(throws: APIServerError.self) {
      try await plugin.run(limit: .seconds(60), now: TestClock().now)
    }
    #expect(error?.kind == .credentials)
    #expect(error?.description == "cannot use user \"dev\": exec command \(folder / "plugin"): \(message)")
  }

  @Test("an exec plugin that prints no certificate in PEM is told apart from one that is right")
  func pluginBadCertificate() async throws {
    let plugin = try plugin(echo(#"{"clientCertificateData": "a", "clientKeyData": "b"}"#), in: folder)
    try await withServer { server in
      var settings = APIServerSettings.secure(server, authority: try await Certificates.shared().authority)
      settings.identity.plugin = plugin
      let error = await #expect(throws: APIServerError.self) { try await withClient(settings) { _ in } }
      #expect(
        error?.description
          == "cannot use user \"dev\": status.clientCertificateData of the plugin holds no certificate "
          + "in PEM; it has to begin with -----BEGIN CERTIFICATE-----")
    }
  }

  @Test("an exec plugin whose command is missing shows how it is installed")
  func missingPlugin() async throws {
    var plugin = ExecPlugin(
      apiVersion: "client.authentication.k8s.io/v1", command: "evenkeel-no-such-plugin", owner: "user \"dev\"")
    let reason = "cannot use user \"dev\": exec command evenkeel-no-such-plugin: there is no such command"
    let error = await #expect(throws: APIServerError.self) {
      try await plugin.run(limit: .seconds(60), now: TestClock().now)
    }
    #expect(error?.description == "\(reason); install it, or name its path")
    plugin.installHint = "apt install it"
    let hinted = await #expect(throws: APIServerError.self) {
      try await plugin.run(limit: .seconds(60), now: TestClock().now)
    }
    #expect(hinted?.description == "\(reason); apt install it")
  }

  @Test("an exec plugin that does not end is killed with all that it has started")
  func hangingPlugin() async throws {
    let plugin = try plugin("sleep 1000 & sleep 1000", in: folder)
    let error = await #expect(throws: APIServerError.self) {
      try await plugin.run(limit: .milliseconds(100), now: TestClock().now)
    }
    #expect(error?.reason == "exec command \(folder / "plugin"): has not ended within 0.1 seconds")
  }

  @Test("an exec plugin that leaves something running behind it has ended all the same")
  func pluginLeavesChild() async throws {
    let plugin = try plugin(
      """
      # Until the test's folder is removed.
      while [ -e \(folder / "plugin") ]; do sleep 0.1; done &
      \(echo(#"{"token": "t"}"#))
      """, in: folder)
    let credential = try await plugin.run(limit: .seconds(60), now: TestClock().now)
    #expect(credential.token == "t")
  }

  private func settings(_ server: TestServer, _ plugin: ExecPlugin) -> APIServerSettings {
    var settings = APIServerSettings.plain(server)
    settings.identity.plugin = plugin
    return settings
  }
}

/// A script that prints an ExecCredential.
private func echo(_ status: String) -> String { "echo '\(execCredential(status))'" }

/// Answers 401 to all tokens but one.
private func accepting(_ token: String) -> @Sendable (HTTPRequestHead) -> TestServer.Answer {
  { $0.headers.first(name: "Authorization") == "Bearer \(token)" ? .init() : .status(.unauthorized) }
}
