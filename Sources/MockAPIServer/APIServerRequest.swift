internal import Foundation
internal import NIOHTTP1

/// A request as it arrived.
public struct APIServerRequest: Sendable {
  public let method: String
  /// Without the query.
  public let path: String
  public let query: [String: String]
  /// Names in lower case; of a header that stands there several times, the first.
  public let headers: [String: String]
  let body: [UInt8]

  public var isWatch: Bool { ["1", "true"].contains(query["watch"]) }
  public var asksForInitialEvents: Bool { query["sendInitialEvents"] == "true" }
  /// `services`, `endpointslices` or `nodes`, whatever the namespace; nil: another path.
  public var resource: String? { target?.collection.plural }

  /// What the path leads to, if there is such a thing.
  var target: Target? { Target(path: path) }

  init(_ head: HTTPRequestHead, body: [UInt8]) {
    method = head.method.rawValue
    let components = URLComponents(string: head.uri)
    path = components?.path ?? head.uri
    let items = (components?.queryItems ?? []).map { ($0.name, $0.value ?? "") }
    query = Dictionary(items, uniquingKeysWith: { first, _ in first })
    headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
    self.body = body
  }
}
