import AsyncHTTPClient
import Kubernetes
import NIOCore
import NIOHTTP1

/// Asks a server over plain HTTP.
struct PlainTransport: APITransport {
  let url: String

  /// Tells at once that there is no server, rather than to try for a minute.
  private static let client: HTTPClient = {
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(configuration: configuration)
  }()

  func get(_ request: APIRequest) async throws -> APIResponse {
    let query = request.query.map { "\($0.name)=\(encoded($0.value))" }.joined(separator: "&")
    let message = HTTPClientRequest(url: "\(url)\(request.path)?\(query)")
    let response = try await Self.client.execute(message, deadline: .distantFuture)
    let retryAfter = response.headers.first(name: "retry-after").flatMap { Int($0) }.map { Duration.seconds($0) }
    return APIResponse(status: Int(response.status.code), retryAfter: retryAfter, body: stream(response.body))
  }

  private func stream(_ body: HTTPClientResponse.Body) -> AsyncThrowingStream<ByteBuffer, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        do {
          for try await chunk in body { continuation.yield(chunk) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  private func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      let letter = Character(UnicodeScalar(byte))
      return letter.isASCII && (letter.isLetter || letter.isNumber)
        ? String(letter) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}
