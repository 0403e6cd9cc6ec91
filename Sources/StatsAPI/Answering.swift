internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Connections on which no request comes for so long are closed.
private let idleTimeout = TimeAmount.seconds(60)

extension ServerBootstrap {
  /// Speaks HTTP/1 on every connection that is accepted.
  ///
  /// Each connection gets its task where it is accepted. Handed over through the listening channel's asynchronous
  /// sequence, those not yet taken from it would be dropped when the task is cancelled, and `NIOAsyncChannel` ends the
  /// process where it is dropped unused (swift-nio#2637).
  func answering(with responder: StatsResponder, keeping connections: OpenConnections, logger: Logger) -> Self {
    let http = HTTP1Channel(
      responder: { request, writer, channel in
        let response = try await responder.response(to: request, on: channel)
        try await writer.write(response: response.head, body: response.body)
      },
      configuration: .init(idleTimeout: idleTimeout))
    return childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        guard connections.add(channel) else {
          return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        return http.setup(channel: channel, logger: logger).map { connection in
          _ = Task { await http.handle(value: connection, logger: logger) }
        }
      }
  }
}

extension Channel {
  /// Listens until the task is cancelled, then ends with all connections.
  ///
  /// Answers are snapshots made in milliseconds: there is nothing worth waiting for at the end, so being cancelled is all
  /// there is to a shutdown, whatever the clients do.
  func waitUntilCancelled(closing connections: OpenConnections) async throws {
    try await withTaskCancellationHandler {
      try await closeFuture.get()
    } onCancel: {
      close(promise: nil)
    }
    await connections.close()
  }
}
