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

  private func serve(on descriptor: CInt) async throws {
    let connections = OpenConnections()
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .answering(with: responder, keeping: connections, logger: logger)
      .withBoundSocket(descriptor).get()
    try await listener.waitUntilCancelled(closing: connections)
  }
}
