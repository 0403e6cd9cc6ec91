internal import HummingbirdCore
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
internal import Synchronization
internal import SystemPackage

/// The HTTP API on a Unix socket: `GET /v1/status`, `/v1/services`, `/v1/connections`, `/metrics`, `/healthz`, `/readyz`,
/// `POST /v1/drain`.
///
/// The socket's mode decides who may connect; only root may POST.
public final class StatsServer: ServiceLifecycle.Service {
  /// Connections on which no request comes for so long are closed.
  static let idleTimeout: TimeAmount = .seconds(60)

  /// Nil once the server has ended: with the value goes the file.
  private let socket: Mutex<ListeningSocket?>
  private let socketPath: String
  private let responder: StatsResponder
  private let logger: Logger

  /// Binds the socket, so that what is wrong with the path is known before anything else is started. Connections made
  /// from now on are answered when the server runs.
  public init(socketPath: String, provider: some StatsProvider, logger: Logger) throws(StatsServerError) {
    socket = Mutex(try ListeningSocket(path: socketPath))
    self.socketPath = socketPath
    responder = StatsResponder(provider: provider, logger: logger)
    self.logger = logger
  }

  /// Serves until the task is cancelled or a graceful shutdown begins, then closes every connection and removes the
  /// socket's file. A server runs once.
  public func run() async throws {
    defer { socket.withLock { $0 = nil } }
    let descriptor = try socket.withLock { socket throws(StatsServerError) in try socket?.duplicate() }
    guard let descriptor else {
      throw StatsServerError(path: socketPath, errno: .badFileDescriptor, advice: "a server runs only once")
    }
    do {
      try await cancelWhenGracefulShutdown { try await self.serve(on: descriptor) }
    } catch is CancellationError {
      return  // that is how it ends
    }
  }

  /// Answers are snapshots made in milliseconds: there is nothing worth waiting for at the end, so being cancelled is
  /// all there is to a shutdown, whatever the clients do.
  ///
  /// Each connection gets its task where it is accepted. Handed over through the listening channel's asynchronous
  /// sequence, those not yet taken from it would be dropped when the task is cancelled, and `NIOAsyncChannel` ends the
  /// process where it is dropped unused (swift-nio#2637).
  private func serve(on descriptor: CInt) async throws {
    let (responder, logger, connections) = (responder, logger, OpenConnections())
    let http = HTTP1Channel(
      responder: { request, writer, channel in
        let response = try await responder.response(to: request, on: channel)
        try await writer.write(response: response.head, body: response.body)
      },
      configuration: .init(idleTimeout: Self.idleTimeout))
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        guard connections.add(channel) else {
          return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        return http.setup(channel: channel, logger: logger).map { connection in
          _ = Task { await http.handle(value: connection, logger: logger) }
        }
      }
      .withBoundSocket(descriptor).get()
    try await withTaskCancellationHandler {
      try await listener.closeFuture.get()
    } onCancel: {
      listener.close(promise: nil)
    }
    await connections.close()
  }
}
