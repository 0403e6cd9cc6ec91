internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// Asks an agent on its socket. Every request is a connection of its own.
public struct StatsClient: Sendable {
  /// The longest answer that is read, in bytes: some 200,000 connections.
  static let maxAnswerSize = 64 * 1024 * 1024

  public let socketPath: String
  /// How long the agent may take until its answer begins, and then between two parts of it.
  public let timeout: Duration

  public init(socketPath: String, timeout: Duration = .seconds(5)) {
    (self.socketPath, self.timeout) = (socketPath, timeout)
  }

  public enum Probe: String, Sendable, CaseIterable {
    /// The agent lives.
    case healthz
    /// All of its input is in force.
    case readyz
  }

  public func status() async throws(StatsClientError) -> Status { try await get("/v1/status") }

  public func services() async throws(StatsClientError) -> ServiceList { try await get("/v1/services") }

  public func connections() async throws(StatsClientError) -> ConnectionList { try await get("/v1/connections") }

  /// In Prometheus' text format.
  public func metrics() async throws(StatsClientError) -> String {
    String(buffer: try await exchange(.GET, "/metrics"))
  }

  public func drain(_ request: DrainRequest) async throws(StatsClientError) -> DrainReply {
    let body: String
    do {
      body = try ContractJSON.text(of: request)
    } catch {
      throw .failed(path: socketPath, problem: "the request cannot be written: \(error)")
    }
    return try decoded(try await exchange(.POST, "/v1/drain", body: ByteBuffer(string: body)))
  }

  /// Returns if the answer is yes.
  public func probe(_ probe: Probe) async throws(StatsClientError) {
    _ = try await exchange(.GET, "/\(probe)")
  }

  private func get<Answer: Decodable>(_ path: String) async throws(StatsClientError) -> Answer {
    try decoded(try await exchange(.GET, path))
  }

  private func decoded<Answer: Decodable>(_ body: ByteBuffer) throws(StatsClientError) -> Answer {
    do {
      return try ContractJSON.value(of: body.readableBytesView)
    } catch {
      throw .failed(path: socketPath, problem: "its answer is not an agent's, or not of this version")
    }
  }

  /// The body of a successful answer.
  private func exchange(
    _ method: HTTPMethod, _ path: String, body: ByteBuffer? = nil
  ) async throws(StatsClientError) -> ByteBuffer {
    guard socketPath.utf8.count <= maxPathLength else { throw .pathTooLong(path: socketPath, limit: maxPathLength) }
    var request = HTTPClientRequest(url: "http+unix://\(percentEncoded(socketPath))\(path)")
    request.method = method
    request.body = body.map { .bytes($0) }

    let answer: (status: HTTPResponseStatus, body: ByteBuffer)
    do {
      answer = try await HTTPClient.withHTTPClient(configuration: configuration) { client in
        let response = try await client.execute(request, timeout: TimeAmount(timeout))
        return (response.status, try await response.body.collect(upTo: Self.maxAnswerSize))
      }
    } catch {
      throw StatsClientError(error, path: socketPath, timeout: timeout)
    }
    guard answer.status.code < 300 else { throw refusal(answer.status, answer.body) }
    return answer.body
  }

  private var configuration: HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.timeout.read = TimeAmount(timeout)
    // An agent that is not there now is told at once, not after the timeout.
    configuration.connectionPool.retryConnectionEstablishment = false
    return configuration
  }

  private func refusal(_ status: HTTPResponseStatus, _ body: ByteBuffer) -> StatsClientError {
    guard let reply = try? ContractJSON.value(ErrorReply.self, of: body.readableBytesView) else {
      return .failed(path: socketPath, problem: "it answered \(status) in a form that is not an agent's")
    }
    if status == .forbidden { return .notPermitted(path: socketPath, problem: reply.error) }
    return .refused(status: Int(status.code), problem: reply.error)
  }
}

/// The path as a URL's host: everything but letters, digits and `-._~` percent-encoded (RFC 3986 §2.3).
private func percentEncoded(_ path: String) -> String {
  path.utf8.map { byte in
    let character = Character(Unicode.Scalar(byte))
    if character.isASCII && (character.isLetter || character.isNumber) || "-._~".contains(character) {
      return String(character)
    }
    return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }.joined()
}
