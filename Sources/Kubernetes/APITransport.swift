public import NIOCore

/// Answers GET requests to an API server: what a list and a watch need of it.
public protocol APITransport: Sendable {
  /// - Throws: where there is no answer: no connection, no credentials, a time-out. An answer with any status is none of
  ///   these.
  func get(_ request: APIRequest) async throws -> APIResponse
}

/// A request of the API, without the server and the credentials.
public struct APIRequest: Sendable, Equatable {
  /// `/apis/discovery.k8s.io/v1/endpointslices`
  public var path: String
  /// Names and values, not percent-encoded, in order.
  public var query: [QueryItem]

  public struct QueryItem: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
  }

  public init(path: String, query: [QueryItem] = []) { (self.path, self.query) = (path, query) }
}

/// The head of an answer, and its body as it arrives.
public struct APIResponse: Sendable {
  public var status: Int
  /// Header `Retry-After`, where it gives seconds (RFC 9110 §10.2.3).
  public var retryAfter: Duration?
  public var body: AsyncThrowingStream<ByteBuffer, any Error>

  public init(status: Int, retryAfter: Duration? = nil, body: AsyncThrowingStream<ByteBuffer, any Error>) {
    (self.status, self.retryAfter, self.body) = (status, retryAfter, body)
  }
}
