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
  private func serve(on descriptor: CInt) async throws {
    let responder = responder
    let http = HTTP1Channel(
      responder: { request, writer, channel in
        let response = try await responder.response(to: request, on: channel)
        try await writer.write(response: response.head, body: response.body)
      },
      configuration: .init(idleTimeout: Self.idleTimeout))
    let logger = logger
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .bind(descriptor) { http.setup(channel: $0, logger: logger) }
    try await listener.executeThenClose { connections in
      try await withThrowingDiscardingTaskGroup { group in
        for try await connection in connections {
          group.addTask { await http.handle(value: connection, logger: logger) }
        }
      }
    }
  }
}
