import FoundationEssentials
import GRPCCore
import Lab

/// The server's side of `EchoMethod`.
struct EchoService: RegistrableRPCService {
  let name: String
  /// RPCs that have reached the server.
  let tally: LoadTally

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    unary(.echo, router: &router) { $0 }
    unary(.name, router: &router) { _ in Array(name.utf8) }
    unary(.body, router: &router) { request in
      let wanted = try decode(EchoBody.Request.self, request)
      guard (0...EchoMethod.largestMessage).contains(wanted.bytes) else {
        throw RPCError(code: .invalidArgument, message: "bytes: 0 to \(EchoMethod.largestMessage)")
      }
      return EchoBody.bytes(wanted)
    }
    router.registerHandler(
      forMethod: EchoMethod.ticks.descriptor, deserializer: RawBytes(), serializer: RawBytes()
    ) { stream, context in
      let ticks = try decode(EchoTicks.self, try await ServerRequest(stream: stream).message)
      let trailers = sign(context)
      return StreamingServerResponse { writer in
        let start = ContinuousClock.now
        for tick in 0..<max(0, ticks.count) {
          try await Task.sleep(until: start + .milliseconds(ticks.milliseconds) * tick)
          try await writer.write(Array("\(tick)".utf8))
        }
        return trailers
      }
    }
  }

  private func unary<Transport: ServerTransport>(
    _ method: EchoMethod, router: inout RPCRouter<Transport>, answer: @escaping @Sendable ([UInt8]) throws -> [UInt8]
  ) {
    router.registerHandler(
      forMethod: method.descriptor, deserializer: RawBytes(), serializer: RawBytes()
    ) { stream, context in
      let request = try await ServerRequest(stream: stream).message
      return StreamingServerResponse(
        single: ServerResponse(message: try answer(request), trailingMetadata: sign(context)))
    }
  }

  /// Counts an RPC, and says in its trailers who answers it, and from where it came.
  private func sign(_ context: ServerContext) -> Metadata {
    tally.succeeded(channel: 0, server: name, peer: context.remotePeer)
    return [EchoMethod.serverTrailer: "\(name)", EchoMethod.peerTrailer: "\(context.remotePeer)"]
  }

  private func decode<Request: Decodable>(_ type: Request.Type, _ bytes: [UInt8]) throws -> Request {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw RPCError(code: .invalidArgument, message: "\(error)")
    }
  }
}
