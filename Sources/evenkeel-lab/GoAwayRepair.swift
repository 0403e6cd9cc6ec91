import GRPCCore
import NIOCore
import NIOHTTP2

/// Does for grpc-swift (2.4, transport 2.9) what other gRPC clients do by themselves when a server sends GOAWAY, for
/// whatever reason: its own maximum age has the same effect. Without it, RPCs that are begun in that very moment are
/// in trouble:
///
/// - A stream whose HEADERS come too late is refused by swift-nio-http2 with `CreatedStreamAfterGoaway`, which is
///   right. The transport takes that for an error of the connection, and closes it: all other streams break off.
/// - RPCs fail with UNAVAILABLE, also those that were never sent, until a new connection is ready. grpc-swift's own
///   retry policy does not see those that found no connection at all.
enum GoAwayRepair {
  private static let firstPause = Duration.milliseconds(20)
  private static let longestPause = Duration.milliseconds(320)

  /// Keeps the connection open when one stream has come too late for it.
  static func install(on channel: any Channel) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      try pipeline.addHandler(LateStreamErrors(), position: .after(pipeline.handler(type: NIOHTTP2Handler.self)))
    }
  }

  /// Tries an RPC again while it fails with UNAVAILABLE and there is time.
  static func retrying<Answer>(
    for limit: Duration, noting note: () -> Void, _ attempt: () async throws -> Answer
  ) async throws -> Answer {
    let deadline = ContinuousClock.now + limit
    var pause = firstPause
    while true {
      do {
        return try await attempt()
      } catch let error as RPCError where error.code == .unavailable && .now + pause < deadline {
        note()
        try await Task.sleep(for: pause)
        pause = min(pause * 2, longestPause)
      }
    }
  }
}

/// Lets the late stream alone see its error.
private final class LateStreamErrors: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !(error is NIOHTTP2Errors.CreatedStreamAfterGoaway) else { return }
    context.fireErrorCaught(error)
  }
}
