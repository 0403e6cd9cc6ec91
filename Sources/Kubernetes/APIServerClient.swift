internal import AsyncHTTPClient
internal import FoundationEssentials
public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPCompression
internal import NIOSSL
public import SystemPackage

/// A connection to an API server, as whoever a kubeconfig or the pod's service account says that we are.
///
/// HTTP/1.1, a connection for each request that is under way. A watch lasts for minutes and a node has three, so there is
/// nothing to multiplex; and with HTTP/2, one list of 60 MB would hold up the watches' events behind it in the same TCP
/// stream, and one broken connection would end them all.
///
/// Make one, use it from anywhere, and call `shutdown()` at the end, after those who use it: in a program of services, the one
/// that uses it does so when its own work has ended.
public final class APIServerClient: APITransport, CustomStringConvertible {
  /// How long things may take. A watch's body may take for ever: who reads it knows when silence is too long.
  public struct Limits: Sendable {
    /// Until there is a connection, with TLS.
    public var connect = Duration.seconds(10)
    /// From the request to the head of its answer: longer than the API server's own --request-timeout of 60 s, so that its
    /// answer is seen and not only its silence.
    public var head = Duration.seconds(70)
    /// Until an exec plugin has ended.
    public var plugin = Duration.seconds(30)

    public init() {}
  }

  /// Where we ask, and who said so: `kubeconfig /root/.kube/config, context dev`, `in-cluster https://10.96.0.1:443`.
  public let description: String

  private let settings: APIServerSettings
  private let access: AccessSource
  private let http: HTTPClient
  private let limits: Limits
  private let agent: String

  /// The server and user of a kubeconfig's current context.
  ///
  /// - Parameters:
  ///   - kubeconfig: One file. Several, as the variable KUBECONFIG may name them for kubectl, are not merged.
  ///   - version: Ours, for the header `User-Agent`.
  /// - Throws: `APIServerError` where the file, what it names, or its exec plugin gives nothing to ask a server with. The
  ///   server itself is not asked.
  public convenience init(
    kubeconfig: FilePath, version: String, logger: Logger, limits: Limits = Limits()
  ) async throws(APIServerError) {
    try await self.init(
      try APIServerSettings(kubeconfig: kubeconfig), version: version, logger: logger, limits: limits)
  }

  /// The server of the cluster in which this process is a pod, as the pod's service account.
  ///
  /// - Throws: as `init(kubeconfig:…)`.
  public static func inCluster(
    version: String, logger: Logger, limits: Limits = Limits()
  ) async throws(APIServerError) -> APIServerClient {
    let settings = try APIServerSettings(inClusterOf: ProcessInfo.processInfo.environment)
    return try await APIServerClient(settings, version: version, logger: logger, limits: limits)
  }

  /// - Parameter now: The time of day, by which files grow old and credentials expire.
  init(
    _ settings: APIServerSettings, version: String, logger: Logger, limits: Limits = Limits(),
    now: @escaping @Sendable () -> Date = { Date() }
  ) async throws(APIServerError) {
    let access = AccessSource(settings, pluginLimit: limits.plugin, logger: logger, now: now)
    // What is wrong with files is found here, and not by the first request. The HTTP client is made last, for it has to be
    // shut down.
    _ = try await access.access()
    (self.settings, self.access, self.limits) = (settings, access, limits)
    (description, agent) = (settings.source, "evenkeel/\(version)")
    http = HTTPClient(configuration: .init(settings, limits))
  }

  /// Ends all connections, and with them the bodies that are still being read.
  public func shutdown() async {
    // It fails only where it was called before.
    try? await http.shutdown()
  }

  /// - Throws: `APIServerError`; `CancellationError`.
  public func get(_ request: APIRequest) async throws -> APIResponse {
    let access = try await access.access()
    do {
      let response = try await exchange(request, access)
      guard response.status == 401 else { return response }
      guard let newer = try await self.access.access(insteadOf: access, withPlugin: true) else { return response }
      return try await exchange(request, newer)
    } catch let error as APIServerError where error.kind == .untrusted {
      // The authority may have been replaced since its file was read.
      guard let newer = try await self.access.access(insteadOf: access, withPlugin: false) else { throw error }
      return try await exchange(request, newer)
    }
  }

  private func exchange(_ request: APIRequest, _ access: Access) async throws -> APIResponse {
    let failure = FailureExplanation(settings: settings, path: request.path, limits: limits)
    do {
      let response = try await http.execute(message(request, access), timeout: TimeAmount(limits.head))
      return APIResponse(
        status: Int(response.status.code), retryAfter: retryAfter(response.headers),
        body: AsyncThrowingStream(reading: response.body, failure))
    } catch {
      throw await failure.explain(error)
    }
  }

  private func message(_ request: APIRequest, _ access: Access) -> HTTPClientRequest {
    var message = HTTPClientRequest(url: settings.server.url(request, name: settings.tlsServerName))
    message.headers = HTTPHeaders(access.headers)
    message.headers.add(name: "Host", value: settings.server.hostAndPort)
    message.headers.add(name: "User-Agent", value: agent)
    message.headers.add(name: "Accept", value: "application/json")
    // The API server compresses lists of more than 128 KiB, and never a watch.
    message.headers.add(name: "Accept-Encoding", value: "gzip")
    message.tlsConfiguration = access.tls
    return message
  }

  private func retryAfter(_ headers: HTTPHeaders) -> Duration? {
    headers.first(name: "Retry-After").flatMap { UInt32($0) }.map { .seconds(Int64($0)) }
  }
}

extension HTTPClient.Configuration {
  init(_ settings: APIServerSettings, _ limits: APIServerClient.Limits) {
    self.init(
      redirectConfiguration: .disallow, timeout: .init(connect: TimeAmount(limits.connect)),
      proxy: settings.proxy.map { HTTPClient.Configuration.Proxy($0) },
      // Without a limit: the body is read as it is asked for, and never as a whole.
      decompression: .enabled(limit: .none))
    httpVersion = .http1Only
    // Failures are for the caller to see and to wait after.
    connectionPool.retryConnectionEstablishment = false
    // The URL has the name that the certificate is to have, and the connection goes to the host.
    if let name = settings.tlsServerName { dnsOverride = [name: settings.server.host] }
    http1_1ConnectionDebugInitializer = { keepAlive($0) }
  }
}

extension HTTPClient.Configuration.Proxy {
  fileprivate init(_ proxy: APIServerSettings.Proxy) {
    switch proxy.kind {
    case .socks5: self = .socksServer(host: proxy.host, port: proxy.port)
    case .http:
      let authorization = proxy.user.map {
        HTTPClient.Authorization.basic(username: $0, password: proxy.password ?? "")
      }
      self = .server(host: proxy.host, port: proxy.port, authorization: authorization)
    }
  }
}

/// Has the kernel ask the peer of an idle connection whether it is still there, so that firewalls and NAT keep the
/// connection, and a dead one ends after a minute.
private func keepAlive(_ channel: any Channel) -> EventLoopFuture<Void> {
  let seconds: [(NIOBSDSocket.Option, Int)] = [
    (.keepAliveIdle, 30), (.keepAliveInterval, 10), (.keepAliveCount, 3),
  ]
  let options = seconds.map { channel.setOption(.tcpOption($0), value: $1) }
  return EventLoopFuture.andAllSucceed(
    options + [channel.setOption(.socketOption(.so_keepalive), value: 1)], on: channel.eventLoop)
}

extension TimeAmount {
  fileprivate init(_ duration: Duration) { self = .nanoseconds(Int64(duration / .nanoseconds(1))) }
}

extension AsyncThrowingStream where Element == ByteBuffer, Failure == any Error {
  /// A body as it is asked for: what nobody reads stays with the server.
  fileprivate init(reading body: HTTPClientResponse.Body, _ failure: FailureExplanation) {
    let reader = BodyReader(body)
    self.init {
      do {
        return try await reader.next()
      } catch {
        throw await failure.explain(error)
      }
    }
  }
}

/// The one place from which a body is read.
private actor BodyReader {
  private var iterator: HTTPClientResponse.Body.AsyncIterator

  init(_ body: HTTPClientResponse.Body) { iterator = body.makeAsyncIterator() }

  func next() async throws -> ByteBuffer? {
    var iterator = iterator
    defer { self.iterator = iterator }
    return try await iterator.next(isolation: self)
  }
}
