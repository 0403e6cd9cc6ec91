internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// An API server of objects in memory: it lists Services, EndpointSlices and Nodes, and lets them be watched, as
/// kube-apiserver does, over real HTTP. For tests and the lab: it shows what it was asked, and fails as it is told to.
public final class MockAPIServer: Sendable {
  let responder: Responder
  private let listener: any Channel
  private let connections = Connections()
  public let port: Int
  /// `http://127.0.0.1:40123`
  public let url: String

  /// Listens, and answers until it is stopped.
  ///
  /// - Parameter objects: What is there from the start, each in JSON.
  /// - Throws: where the port cannot be had, the TLS configuration cannot be used, or an object is of no kind that is kept.
  public init(_ options: Options = Options(), objects: [String] = []) async throws {
    let (responder, connections) = (Responder(options), connections)
    try responder.put(objects)
    let tls = try options.tls.map { try NIOSSLContext(configuration: $0) }
    listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        connections.add(channel)
        return channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
          try pipeline.configureHTTPServerPipeline()
          try pipeline.addHandler(RequestHandler(responder: responder))
        }
      }
      .bind(host: options.host, port: options.port).get()
    self.responder = responder
    let host = options.host.contains(":") ? "[\(options.host)]" : options.host
    port = listener.localAddress?.port ?? options.port
    url = "\(tls == nil ? "http" : "https")://\(host):\(port)"
  }

  /// Closes the port and every connection.
  public func stop() async {
    try? await listener.close()
    await connections.close()
  }

  /// Closes every connection, as a server that is started anew does. New ones are accepted.
  public func dropConnections() async { await connections.close() }
}

/// Runs a server while `body` does.
public func withMockAPIServer<Result>(
  _ options: MockAPIServer.Options = .init(), _ body: (MockAPIServer) async throws -> Result
) async throws -> Result {
  let server = try await MockAPIServer(options)
  do {
    let result = try await body(server)
    await server.stop()
    return result
  } catch {
    await server.stop()
    throw error
  }
}
