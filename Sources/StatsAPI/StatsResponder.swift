internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore

#if canImport(Glibc)
  internal import Glibc
#endif

/// From a request to its answer.
struct StatsResponder: Sendable {
  /// The largest body of a request, in bytes: a drain request has about 100.
  static let maxBodySize = 64 * 1024

  let provider: any StatsProvider
  let logger: Logger
  /// The paths that are answered; the others are unknown.
  var routes = Route.allCases

  enum Route: String, CaseIterable {
    case status = "/v1/status"
    case services = "/v1/services"
    case connections = "/v1/connections"
    case drain = "/v1/drain"
    case metrics = "/metrics"
    case health = "/healthz"
    case readiness = "/readyz"

    var method: HTTPRequest.Method { self == .drain ? .post : .get }

    /// What may be shown to anybody: no address, no connection, and nothing is changed.
    static let open = [metrics, health, readiness]
  }

  /// Answers anything that could be read as a request; throws only where the client's connection breaks off.
  func response(to request: Request, on channel: any Channel) async throws -> Response {
    var request = request
    do {
      return try await answer(&request, on: channel)
    } catch let failure as HTTPFailure {
      return failure.response
    } catch let error as EncodingError {
      logger.error("no JSON could be made", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
      return HTTPFailure(.internalServerError, "no JSON could be made: see the agent's log").response
    }
  }

  private func answer(_ request: inout Request, on channel: any Channel) async throws -> Response {
    switch try route(of: request) {
    case .status: return try .json(await provider.status())
    case .services: return try .json(ServiceList(services: await provider.services()))
    case .connections: return try .json(ConnectionList(connections: await provider.connections()))
    case .metrics: return .text(MetricFamily.text(of: await provider.metrics()), type: MetricFamily.contentType)
    case .health: return .text("ok\n")
    case .readiness:
      guard await provider.status().ready else {
        throw HTTPFailure(.serviceUnavailable, "not ready: not all of the input is in force yet")
      }
      return .text("ok\n")
    case .drain:
      try await Self.checkRoot(channel)
      return try .json(DrainReply(queued: try await drain(&request)), status: .accepted)
    }
  }

  private func route(of request: Request) throws(HTTPFailure) -> Route {
    let path = request.uri.path
    guard let route = Route(rawValue: path), routes.contains(route) else {
      let known = routes.map(\.rawValue).joined(separator: ", ")
      throw HTTPFailure(.notFound, "no such path: \(path); there are \(known)")
    }
    guard request.method == route.method else {
      throw HTTPFailure(
        .methodNotAllowed, "\(path) answers \(route.method), not \(request.method)", [.allow: route.method.rawValue])
    }
    return route
  }

  /// The kernel wrote down who connected (SO_PEERCRED): no client can claim to be someone else.
  private static func checkRoot(_ channel: any Channel) async throws {
    guard let options = channel as? any SocketOptionProvider else {
      throw HTTPFailure(.forbidden, "only root may do this, and who asks is not known")
    }
    let peer: PeerCredentials = try await options.unsafeGetSocketOption(
      level: .socket, name: .init(rawValue: SO_PEERCRED)
    ).get()
    guard peer.uid == 0 else { throw HTTPFailure(.forbidden, "only root may do this: you are user \(peer.uid)") }
  }

  private func drain(_ request: inout Request) async throws -> Int {
    let body: ByteBuffer
    do {
      body = try await request.collectBody(upTo: Self.maxBodySize)
    } catch is NIOTooManyBytesError {
      throw HTTPFailure(.contentTooLarge, "the body has more than \(Self.maxBodySize) bytes")
    }
    let request = try Self.drainRequest(body)
    do {
      return try await provider.drain(request)
    } catch .notFound {
      throw HTTPFailure(.notFound, "no such \(request)")
    } catch .unavailable(let reason) {
      throw HTTPFailure(.serviceUnavailable, "draining is off: \(reason)")
    }
  }

  private static func drainRequest(_ body: ByteBuffer) throws(HTTPFailure) -> DrainRequest {
    do {
      return try ContractJSON.value(of: body.readableBytesView)
    } catch let error as DrainRequestError {
      throw HTTPFailure(.badRequest, "\(error.problem): expected \(DrainRequest.allowed)")
    } catch {
      throw HTTPFailure(.badRequest, "not a JSON object: expected \(DrainRequest.allowed)")
    }
  }
}

/// An answer that is not a success.
private struct HTTPFailure: Error {
  let status: HTTPResponse.Status
  let message: String
  let headers: HTTPFields

  init(_ status: HTTPResponse.Status, _ message: String, _ headers: HTTPFields = [:]) {
    (self.status, self.message, self.headers) = (status, message, headers)
  }

  var response: Response {
    // Two strings always can be written.
    let json = (try? ContractJSON.text(of: ErrorReply(error: message))) ?? "{}"
    var response = Response.text(json, type: Response.jsonType, status: status)
    response.headers.append(contentsOf: headers)
    return response
  }
}

extension Response {
  fileprivate static let jsonType = "application/json"

  fileprivate static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    text(try ContractJSON.text(of: value), type: jsonType, status: status)
  }

  fileprivate static func text(
    _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok
  ) -> Response {
    Response(status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
