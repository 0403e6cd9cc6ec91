public import Balancing

extension DrainRequest: Codable {
  /// What a request may look like: for messages.
  static let allowed = #"{"service": "NAMESPACE/NAME"}, {"endpoint": "IP:PORT"} or {"connection": ID}"#

  private enum Key: String, CodingKey {
    case service, endpoint, connection
  }

  /// - Throws: `DrainRequestError` for an object that is not exactly one of the three, `DecodingError` for no object.
  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
    guard let name = keys.first else { throw DrainRequestError(problem: "a request without a key") }
    guard keys.count == 1 else {
      throw DrainRequestError(problem: "more than one key: \(keys.joined(separator: ", "))")
    }
    guard let key = Key(rawValue: name) else { throw DrainRequestError(problem: "unknown key \(name)") }

    let container = try decoder.container(keyedBy: Key.self)
    switch key {
    case .service:
      guard let text = try? container.decode(String.self, forKey: key), let service = ServiceName(text) else {
        throw DrainRequestError(problem: "service is not a string NAMESPACE/NAME")
      }
      self = .service(namespace: service.namespace, name: service.name)
    case .endpoint:
      guard let text = try? container.decode(String.self, forKey: key), let address = SocketAddress(text) else {
        throw DrainRequestError(problem: "endpoint is not a string IP:PORT, as 10.0.0.1:80 or [fd00::1]:80")
      }
      self = .endpoint(address.description)
    case .connection:
      guard let id = try? container.decode(UInt64.self, forKey: key) else {
        throw DrainRequestError(problem: "connection is not a whole number of 0 or more")
      }
      self = .connection(id)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    case .service(let namespace, let name): try container.encode("\(namespace)/\(name)", forKey: .service)
    case .endpoint(let address): try container.encode(address, forKey: .endpoint)
    case .connection(let id): try container.encode(id, forKey: .connection)
    }
  }
}

extension DrainRequest: CustomStringConvertible {
  public var description: String {
    switch self {
    case .service(let namespace, let name): "Service \(namespace)/\(name)"
    case .endpoint(let address): "endpoint \(address)"
    case .connection(let id): "connection \(id)"
    }
  }
}

/// What is wrong with a drain request.
struct DrainRequestError: Error {
  let problem: String
}

/// Any key at all: to find those that should not be there.
private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension ServiceName {
  /// Reads `NAMESPACE/NAME`; nil if it is not that.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    self.init(namespace: String(parts[0]), name: String(parts[1]))
  }
}
