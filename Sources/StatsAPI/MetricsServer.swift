public import Balancing
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
internal import SystemPackage

/// `GET /metrics`, `/healthz` and `/readyz` on a TCP port, for Prometheus: read only, open to whoever reaches the port, and
/// without the addresses that the Unix socket shows.
public final class MetricsServer: ServiceLifecycle.Service {
  /// Connections at a time; further ones are closed. Whoever reaches the port must not be able to use up the descriptors
  /// that sockets are borrowed with; a scrape needs one connection.
  static let maxConnections = 64

  private let listener: any Channel
  private let connections = OpenConnections(limit: MetricsServer.maxConnections)
  /// Where it listens: of port 0, the port that the kernel has chosen.
  public let address: Balancing.SocketAddress

  /// Listens, so that an address that cannot be had is known before anything else is started.
  public init(
    address: Balancing.SocketAddress, provider: some StatsProvider, logger: Logger
  ) async throws(StatsServerError) {
    let responder = StatsResponder(provider: provider, logger: logger, routes: StatsResponder.Route.open)
    do {
      listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)  // of a former agent, connections may linger
        .answering(with: responder, keeping: connections, logger: logger)
        .bind(host: address.ip.description, port: Int(address.port)).get()
    } catch {
      throw StatsServerError(
        path: address.description, errno: (error as? IOError).map { Errno(rawValue: $0.errnoCode) } ?? .ioError,
        advice: "end what listens there, or choose another address of this node with --metrics-address")
    }
    self.address = Balancing.SocketAddress(
      ip: address.ip, port: listener.localAddress?.port.flatMap { UInt16(exactly: $0) } ?? address.port)
  }

  /// Serves until the task is cancelled or a graceful shutdown begins, then closes every connection.
  public func run() async throws {
    do {
      try await cancelWhenGracefulShutdown { try await self.listener.waitUntilCancelled(closing: self.connections) }
    } catch is CancellationError {
      return  // that is how it ends
    }
  }
}
