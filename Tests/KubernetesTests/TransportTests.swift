import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Kubernetes

@Suite("The transport to an API server")
struct TransportTests {
  // MARK: - Requests and answers

  @Test("asks for JSON, says who it is, and writes paths and queries as they are meant")
  func request() async throws {
    try await withServer { server in
      var settings = APIServerSettings.plain(server)
      settings.server = ServerAddress(usesTLS: false, host: "127.0.0.1", port: server.port, pathPrefix: "/k8s/c")
      try await withClient(settings) { client in
        let query = [APIRequest.QueryItem("labelSelector", "!a/b,c in (d)"), .init("continue", "x+y/z=&")]
        let response = try await client.get(APIRequest(path: "/api/v1/services", query: query))
        for try await _ in response.body {}
      }
      let request = try #require(server.requests.first)
      #expect(
        request.uri
          == "/k8s/c/api/v1/services?labelSelector=%21a%2Fb%2Cc%20in%20%28d%29&continue=x%2By%2Fz%3D%26")
      #expect(request.headers["User-Agent"] == ["evenkeel/1.2.3"])
      #expect(request.headers["Accept"] == ["application/json"])
      #expect(request.headers["Accept-Encoding"] == ["gzip"])
      #expect(request.headers["Host"] == ["127.0.0.1:\(server.port)"])
      #expect(request.headers["Authorization"] == [])
    }
  }

  @Test("hands on any status, and the seconds of Retry-After", arguments: [200, 403, 410, 429, 500])
  func status(code: Int) async throws {
    let answer = TestServer.Answer(status: .init(statusCode: code), headers: ["Retry-After": "7"])
    try await withServer(answer: { _ in answer }) { server in
      try await withClient(.plain(server)) { client in
        let response = try await client.get(APIRequest(path: "/x"))
        #expect(response.status == code)
        #expect(response.retryAfter == .seconds(7))
      }
    }
  }

  @Test("follows no redirect: credentials are for one server")
  func redirect() async throws {
    let answer = TestServer.Answer(status: .found, headers: ["Location": "/elsewhere"])
    try await withServer(answer: { _ in answer }) { server in
      try await withClient(.plain(server)) { client in
        let status = try await client.status()
        #expect(status == 302)
      }
      #expect(server.requests.count == 1)
    }
  }

  @Test("unpacks what the server has compressed")
  func compressed() async throws {
    let answer = TestServer.Answer(
      headers: ["Content-Encoding": "gzip", "Content-Length": "\(Self.packed.count)"],
      chunks: [ByteBuffer(bytes: Self.packed)])
    try await withServer(answer: { _ in answer }) { server in
      try await withClient(.plain(server)) { client in
        var body = ByteBuffer()
        for try await part in try await client.get(APIRequest(path: "/x")).body { body.writeImmutableBuffer(part) }
        #expect(String(buffer: body) == String(repeating: "a", count: 100_000))
      }
    }
  }

  /// What gzip makes of 100,000 times the letter a: a few bytes, and nearly all of them 0.
  private static let packed: [UInt8] = {
    let start: [UInt8] = [
      31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 49, 1, 0, 0, 0, 194, 160, 172, 235, 95, 194, 26, 30,
    ]
    let end: [UInt8] = [175, 6, 135, 250, 226, 27, 160, 134, 1, 0]
    return start + [64, 1] + Array(repeating: 0, count: 133 - 27 - end.count) + end
  }()

  // MARK: - Bodies

  @Test("hands a body on as it comes, and ends the connection when nobody wants more of it")
  func openBody() async throws {
    let answer = TestServer.Answer(chunks: [ByteBuffer(string: "event")], ending: .open)
    try await withServer(answer: { _ in answer }) { server in
      try await withClient(.plain(server)) { client in
        do {
          let response = try await client.get(APIRequest(path: "/x"))
          let first = try await response.body.first { _ in true }
          #expect(first == ByteBuffer(string: "event"))
        }
        try await server.waitUntilLeft()
      }
    }
  }

  @Test("ends the connection when an answer is dropped unread")
  func unreadBody() async throws {
    let answer = TestServer.Answer(chunks: [ByteBuffer(string: "event")], ending: .open)
    try await withServer(answer: { _ in answer }) { server in
      try await withClient(.plain(server)) { client in
        _ = try await client.get(APIRequest(path: "/x"))
        try await server.waitUntilLeft()
      }
    }
  }

  @Test("leaves with the server what nobody reads yet")
  func backPressure() async throws {
    let size = 64 << 20
    let isSent = Flag(false)
    let large = TestServer.Answer(
      chunks: [ByteBuffer(repeating: 32, count: size)], whenSent: { isSent.value = true })
    try await withServer(answer: { $0.uri == "/large" ? large : .init() }) { server in
      try await withClient(.plain(server)) { client in
        let response = try await client.get(APIRequest(path: "/large"))
        // Time enough for it to come, if it were fetched.
        for _ in 0..<500 { _ = try await client.status() }
        #expect(!isSent.value)
        var received = 0
        for try await part in response.body { received += part.readableBytes }
        #expect(received == size)
        #expect(isSent.value)
      }
    }
  }

  @Test("says that a body was cut off")
  func cutBody() async throws {
    let answer = TestServer.Answer(
      headers: ["Content-Length": "100"], chunks: [ByteBuffer(string: "begin")], ending: .cut)
    try await withServer(answer: { _ in answer }) { server in
      let error = try await failure(.plain(server))
      #expect(error.kind == .unreachable)
      #expect(
        error.description == "cannot get /x from http://127.0.0.1:\(server.port): the connection was closed before the "
          + "answer's end")
    }
  }

  @Test("has the kernel ask idle connections whether the server is still there")
  func keepAlive() async throws {
    let answer = TestServer.Answer(ending: .open)
    try await withServer(answer: { _ in answer }) { server in
      try await withClient(.plain(server)) { client in
        let response = try await client.get(APIRequest(path: "/x"))
        let port = String(format: ":%04X", server.port)
        let sockets = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/net/tcp")).readToEnd() ?? Data()
        let lines = String(decoding: sockets, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ") }
        // State 1: established. Connections of other tests to the same port linger.
        let ours = lines.filter { $0[2].hasSuffix(port) && $0[3] == "01" }
        // The kernel's tcp4_seq_show: timer 2 is that of keepalive.
        #expect(ours.map { $0[5].prefix(2) } == ["02"])
        _ = response
      }
    }
  }

  // MARK: - No answer

  @Test("says that nobody listens")
  func refused() async throws {
    let server = try await TestServer { _ in nil }
    try await server.stop()
    let error = try await failure(.plain(server))
    #expect(error.kind == .unreachable)
    #expect(
      error.description
        == "cannot get /x from http://127.0.0.1:\(server.port): Connection refused; does the API server run there?")
  }

  @Test("says the same of a name, whose addresses are all tried")
  func refusedByName() async throws {
    let server = try await TestServer { _ in nil }
    try await server.stop()
    var settings = APIServerSettings.plain(server)
    settings.server = ServerAddress(usesTLS: false, host: "localhost", port: server.port)
    let error = try await failure(settings)
    #expect(error.reason == "Connection refused")
  }

  @Test("says that a name has no address")
  func unknownName() async throws {
    // Longer than a label may be: no name server has to be asked.
    let name = String(repeating: "x", count: 64)
    let error = try await failure(
      APIServerSettings(source: "a test", server: ServerAddress(usesTLS: false, host: name, port: 6443)))
    #expect(error.operation == "get /x from http://\(name):6443")
    #expect(error.reason == "the name \(name) has no address")
    #expect(error.advice == "does the node's name server know it?")
  }

  @Test("waits only so long for an answer to begin")
  func silence() async throws {
    var limits = APIServerClient.Limits()
    limits.head = .milliseconds(100)
    try await withServer(answer: { _ in nil }) { server in
      let error = try await failure(.plain(server), limits: limits)
      #expect(error.reason == "no answer within 0.1 seconds")
    }
  }

  @Test("waits only so long for TLS")
  func silentTLS() async throws {
    var limits = APIServerClient.Limits()
    limits.connect = .milliseconds(200)
    let mute = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0).get()
    let server = ServerAddress(usesTLS: true, host: "127.0.0.1", port: mute.localAddress?.port ?? 0)
    let error = try await failure(APIServerSettings(source: "a test", server: server), limits: limits)
    #expect(error.reason == "no connection within 0.2 seconds")
    try await mute.close()
  }

  @Test("ends a request when its task is cancelled")
  func cancelled() async throws {
    try await withServer(answer: { _ in nil }) { server in
      try await withClient(.plain(server)) { client in
        let request = Task { try await client.get(APIRequest(path: "/x")) }
        request.cancel()
        await #expect(throws: CancellationError.self) { try await request.value }
      }
    }
  }

  @Test("says after its shutdown that there was one, and may be shut down twice")
  func shutdown() async throws {
    try await withServer { server in
      try await withClient(.plain(server)) { client in
        await client.shutdown()
        let error = await #expect(throws: APIServerError.self) { try await client.get(APIRequest(path: "/x")) }
        #expect(error?.reason == "the client has been shut down")
      }
    }
  }

  @Test(
    "says what a proxy does not do",
    arguments: [
      (HTTPResponseStatus.proxyAuthenticationRequired, "the proxy asks for a user and a password"),
      (.forbidden, "the proxy does not let us through"),
    ])
  func proxy(status: HTTPResponseStatus, reason: String) async throws {
    try await withServer(answer: { _ in .status(status) }) { proxy in
      var settings = APIServerSettings(
        source: "a test", server: ServerAddress(usesTLS: true, host: "10.96.0.1", port: 443))
      settings.proxy = .init(kind: .http, host: "127.0.0.1", port: proxy.port, user: "me", password: "pw")
      let error = try await failure(settings)
      #expect(error.reason == reason)
      #expect(error.operation == "get /x from https://10.96.0.1:443 through the proxy 127.0.0.1:\(proxy.port)")
      let request = try #require(proxy.requests.first)
      #expect(request.method == .CONNECT && request.uri == "10.96.0.1:443")
      #expect(request.headers["Proxy-Authorization"] == ["Basic bWU6cHc="])
    }
  }
}

@Suite("TLS with an API server")
struct TransportTLSTests {
  @Test("works with the authority that signed the server's certificate")
  func rightAuthority() async throws {
    let certificates = try await Certificates.shared()
    try await withServer(tls: try .server(certificates.server)) { server in
      let status = try await self.status(.secure(server, authority: certificates.authority))
      #expect(status == 200)
    }
  }

  @Test("works with one of several authorities in a bundle")
  func bundle() async throws {
    let certificates = try await Certificates.shared()
    try await withServer(tls: try .server(certificates.server)) { server in
      let bundle = certificates.otherAuthority + certificates.authority
      let status = try await self.status(.secure(server, authority: bundle))
      #expect(status == 200)
    }
  }

  @Test("works with an intermediate authority beside its root, and not with it alone")
  func intermediate() async throws {
    let certificates = try await Certificates.shared()
    try await withServer(tls: try .server(certificates.serverBelow)) { server in
      let both = certificates.authority + certificates.intermediate
      let status = try await self.status(.secure(server, authority: both))
      #expect(status == 200)
      let error = try await failure(.secure(server, authority: certificates.intermediate))
      #expect(error.kind == .untrusted)
      #expect(error.advice?.hasSuffix("An intermediate one alone is not enough") == true)
    }
  }

  @Test("fails with another authority, and says whose it is")
  func wrongAuthority() async throws {
    let certificates = try await Certificates.shared()
    try await withServer(tls: try .server(certificates.server)) { server in
      let error = try await failure(.secure(server, authority: certificates.otherAuthority))
      #expect(error.kind == .untrusted)
      #expect(
        error.description
          == "cannot get /x from https://127.0.0.1:\(server.port): the server's certificate is not signed by "
          + "certificate-authority-data of a test's settings; is that the cluster's root authority? An intermediate one "
          + "alone is not enough")
      #expect(server.requests.isEmpty)
    }
  }

  @Test("fails without an authority, for the machine knows nothing of this one")
  func noAuthority() async throws {
    let certificates = try await Certificates.shared()
    try await withServer(tls: try .server(certificates.server)) { server in
      var settings = APIServerSettings.secure(server, authority: "")
      settings.trust = .system
      let error = try await failure(settings)
      #expect(
        error.reason == "the server's certificate is not signed by an authority that this machine trusts, and no "
          + "certificate-authority is given")
    }
  }

  @Test("works with any certificate where that is wished")
  func anything() async throws {
    let certificates = try await Certificates.shared()
    try await withServer(tls: try .server(certificates.expiredServer)) { server in
      var settings = APIServerSettings.secure(server, authority: "")
      settings.trust = .anything
      let status = try await self.status(settings)
      #expect(status == 200)
    }
  }

  @Test("fails where the certificate is for another address or name, and lists those that it is for")
  func wrongName() async throws {
    let certificates = try await Certificates.shared()
    try await withServer(tls: try .server(certificates.serverElsewhere)) { server in
      let error = try await failure(.secure(server, authority: certificates.authority))
      #expect(error.kind == .untrusted)
      #expect(
        error.description == "cannot get /x from https://127.0.0.1:\(server.port): the server's certificate is not for "
          + "127.0.0.1, but for elsewhere.example, 192.0.2.1; it needs that name, or a kubeconfig "
          + "one of its names in tls-server-name")
    }
    try await withServer(tls: try .server(certificates.serverElsewhere)) { server in
      let error = try await failure(.secure(server, host: "localhost", authority: certificates.authority))
      #expect(error.reason == "the server's certificate is not for localhost, but for elsewhere.example, 192.0.2.1")
    }
  }

  @Test("works with the name of tls-server-name, and still asks for the host")
  func serverName() async throws {
    let certificates = try await Certificates.shared()
    try await withServer(tls: try .server(certificates.serverElsewhere)) { server in
      var settings = APIServerSettings.secure(server, authority: certificates.authority)
      settings.tlsServerName = "elsewhere.example"
      let status = try await self.status(settings)
      #expect(status == 200)
      #expect(server.requests.first?.headers["Host"] == ["127.0.0.1:\(server.port)"])
      settings.tlsServerName = "kubernetes"
      let error = try await failure(settings)
      #expect(error.reason == "the server's certificate is not for kubernetes, but for elsewhere.example, 192.0.2.1")
    }
  }

  @Test("fails where the certificate has expired, and says that")
  func expired() async throws {
    let certificates = try await Certificates.shared()
    try await withServer(tls: try .server(certificates.expiredServer)) { server in
      let error = try await failure(.secure(server, authority: certificates.authority))
      #expect(error.reason == "the server's certificate has expired")
      #expect(error.advice == "is this node's clock right?")
    }
  }

  @Test("fails where the server speaks plain HTTP")
  func plainServer() async throws {
    try await withServer { server in
      let error = try await failure(.secure(server, authority: try await Certificates.shared().authority))
      #expect(error.kind == .untrusted)
      #expect(error.reason == "the server does not speak TLS")
    }
  }

  @Test("shows a client certificate to a server that asks for one")
  func clientCertificate() async throws {
    let certificates = try await Certificates.shared()
    let tls = try TLSConfiguration.server(certificates.server, clientAuthority: certificates.authority)
    try await withServer(tls: tls) { server in
      var settings = APIServerSettings.secure(server, authority: certificates.authority)
      settings.identity.certificate = (
        .text(certificates.client.certificate, "client-certificate-data"),
        .text(certificates.client.key, "client-key-data")
      )
      let status = try await self.status(settings)
      #expect(status == 200)
    }
  }

  @Test("takes certificate and key from one file, as the kubelet writes it")
  func combinedFile() async throws {
    let certificates = try await Certificates.shared()
    let folder = try Folder()
    try folder.write(certificates.client.certificate + certificates.client.key, to: "certificate-first.pem")
    try folder.write(certificates.client.key + certificates.client.certificate, to: "key-first.pem")
    let tls = try TLSConfiguration.server(certificates.server, clientAuthority: certificates.authority)
    for name in ["certificate-first.pem", "key-first.pem"] {
      try await withServer(tls: tls) { server in
        var settings = APIServerSettings.secure(server, authority: certificates.authority)
        settings.identity.certificate = (
          .file(folder / name, "client-certificate"), .file(folder / name, "client-key")
        )
        let status = try await self.status(settings)
        #expect(status == 200)
      }
    }
  }

  @Test("fails without a client certificate where the server insists on one")
  func noClientCertificate() async throws {
    let certificates = try await Certificates.shared()
    let tls = try TLSConfiguration.server(certificates.server, clientAuthority: certificates.authority)
    try await withServer(tls: tls) { server in
      let error = try await failure(.secure(server, authority: certificates.authority))
      #expect(error.kind == .untrusted)
      #expect(error.reason == "the server asks for a client certificate")
    }
  }

  @Test("fails with a client certificate of an authority that the server does not know")
  func foreignClientCertificate() async throws {
    let certificates = try await Certificates.shared()
    let tls = try TLSConfiguration.server(certificates.server, clientAuthority: certificates.otherAuthority)
    try await withServer(tls: tls) { server in
      var settings = APIServerSettings.secure(server, authority: certificates.authority)
      settings.identity.certificate = (
        .text(certificates.client.certificate, "client-certificate-data"),
        .text(certificates.client.key, "client-key-data")
      )
      let error = try await failure(settings)
      #expect(error.kind == .untrusted)
      #expect(error.reason == "the server refuses our client certificate: TLSV1_ALERT_UNKNOWN_CA")
    }
  }

  @Test("goes on when the server's authority and certificate are replaced while we run")
  func rotatedAuthority() async throws {
    let certificates = try await Certificates.shared()
    let folder = try Folder()
    try folder.write(certificates.authority, to: "ca.crt")
    // A connection for each request, so that none is left of the first server.
    let answer = TestServer.Answer(headers: ["Connection": "close"])
    let first = try await TestServer(tls: try .server(certificates.server)) { _ in answer }
    var settings = APIServerSettings.secure(first, authority: "")
    settings.trust = .authority(.file(folder / "ca.crt", "certificate-authority"))
    try await withClient(settings) { client in
      let before = try await client.status()
      #expect(before == 200)
      try await first.stop()
      let second = try await TestServer(tls: try .server(certificates.otherServer), port: first.port) { _ in .init() }
      let between = await #expect(throws: APIServerError.self) { try await client.status() }
      #expect(between?.kind == .untrusted)
      try folder.write(certificates.otherAuthority, to: "ca.crt")
      let after = try await client.status()
      #expect(after == 200)
      try await second.stop()
    }
  }

  @Test("shows a client certificate that was renewed in its files to new connections, after a minute")
  func rotatedClientCertificate() async throws {
    let certificates = try await Certificates.shared()
    let folder = try Folder()
    try folder.write(certificates.server.certificate, to: "client.crt")
    try folder.write(certificates.server.key, to: "client.key")
    let clock = TestClock()
    let tls = try TLSConfiguration.server(certificates.server, clientAuthority: certificates.authority)
    try await withServer(tls: tls) { server in
      var settings = APIServerSettings.secure(server, authority: certificates.authority)
      settings.identity.certificate = (
        .file(folder / "client.crt", "client-certificate"), .file(folder / "client.key", "client-key")
      )
      try await withClient(settings, clock: clock) { client in
        _ = try await client.status()
        try folder.write(certificates.client.certificate, to: "client.crt")
        try folder.write(certificates.client.key, to: "client.key")
        clock.advance(by: 60)
        _ = try await client.status()
      }
      #expect(server.connectionCount == 2)
    }
  }

  private func status(_ settings: APIServerSettings) async throws -> Int {
    try await withClient(settings) { try await $0.status() }
  }
}

/// How a request, and the reading of its answer, fails.
private func failure(
  _ settings: APIServerSettings, limits: APIServerClient.Limits = .init()
) async throws -> APIServerError {
  let error = try await withClient(settings, limits: limits) { client in
    await #expect(throws: APIServerError.self) { try await client.status(of: "/x") }
  }
  return try #require(error)
}
