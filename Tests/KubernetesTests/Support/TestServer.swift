import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server that answers as a test says, and shows what it was asked.
final class TestServer: Sendable {
  struct Answer: Sendable {
    var status = HTTPResponseStatus.ok
    var headers: HTTPHeaders = [:]
    /// Written in one go each.
    var chunks: [ByteBuffer] = [ByteBuffer(string: "{}")]
    var ending = Ending.complete
    /// Called when all has been handed to the kernel.
    var whenSent: (@Sendable () -> Void)?

    enum Ending: Sendable {
      case complete
      /// The body goes on, as a watch's does.
      case open
      /// The connection is closed in the middle.
      case cut
    }

    static func status(_ status: HTTPResponseStatus) -> Answer { Answer(status: status) }
  }

  let port: Int
  private let listener: any Channel
  private let log: Log

  /// - Parameter answer: What to say to a request; nil: nothing, ever.
  init(
    tls: TLSConfiguration? = nil, port: Int = 0, _ answer: @escaping @Sendable (HTTPRequestHead) -> Answer?
  ) async throws {
    let context = try tls.map { try NIOSSLContext(configuration: $0) }
    let log = Log()
    listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        log.connections.withLock { $0.append(channel) }
        return channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
          try pipeline.configureHTTPServerPipeline()
          try pipeline.addHandler(Handler(log: log, answer: answer))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    self.port = listener.localAddress?.port ?? 0
    self.log = log
  }

  /// The requests so far.
  var requests: [HTTPRequestHead] { log.requests.withLock { $0 } }
  /// The headers `Authorization` of the requests so far.
  var tokens: [String?] { requests.map { $0.headers.first(name: "Authorization") } }

  /// How many there have been.
  var connectionCount: Int { log.connections.withLock { $0.count } }

  /// Closes the port and all connections.
  func stop() async throws {
    try await listener.close()
    for connection in log.connections.withLock({ $0 }) { try? await connection.close() }
  }

  /// Waits until the clients have closed all connections that there were.
  func waitUntilLeft() async throws {
    for connection in log.connections.withLock({ $0 }) { try await connection.closeFuture.get() }
  }

  fileprivate final class Log: Sendable {
    let requests = Mutex<[HTTPRequestHead]>([])
    let connections = Mutex<[any Channel]>([])
  }
}

/// Runs a server while `body` does.
func withServer<Result>(
  tls: TLSConfiguration? = nil, answer: @escaping @Sendable (HTTPRequestHead) -> TestServer.Answer? = { _ in .init() },
  _ body: (TestServer) async throws -> Result
) async throws -> Result {
  let server = try await TestServer(tls: tls, answer)
  do {
    let result = try await body(server)
    try await server.stop()
    return result
  } catch {
    try await server.stop()
    throw error
  }
}

private final class Handler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let log: TestServer.Log
  private let answer: @Sendable (HTTPRequestHead) -> TestServer.Answer?

  init(log: TestServer.Log, answer: @escaping @Sendable (HTTPRequestHead) -> TestServer.Answer?) {
    (self.log, self.answer) = (log, answer)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(let request) = unwrapInboundIn(data) else { return }
    log.requests.withLock { $0.append(request) }
    guard let answer = answer(request) else { return }
    let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: answer.headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    for chunk in answer.chunks { context.write(wrapOutboundOut(.body(.byteBuffer(chunk))), promise: nil) }
    switch answer.ending {
    case .open: context.flush()
    case .cut:
      context.flush()
      context.close(promise: nil)
    case .complete:
      let sent = context.eventLoop.makePromise(of: Void.self)
      sent.futureResult.whenSuccess { answer.whenSent?() }
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension TLSConfiguration {
  /// A server with a certificate, which asks clients for theirs if it is given their authority.
  static func server(_ pair: Certificates.Pair, clientAuthority: String? = nil) throws -> TLSConfiguration {
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(pair.certificate.utf8)).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(pair.key.utf8), format: .pem)))
    if let clientAuthority {
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(clientAuthority.utf8)))
      tls.certificateVerification = .noHostnameVerification
    }
    return tls
  }
}
