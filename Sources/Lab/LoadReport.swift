/// What a gRPC client or server of the lab prints, one JSON object a line: counts since its start.
///
/// All peers of the tests print the same: see Tests/Peers/README.md.
public struct LoadReport: Codable, Sendable, Equatable {
  public enum Event: String, Codable, Sendable {
    /// While it runs.
    case progress
    /// The last line.
    case done
  }

  public var event: Event
  /// RPCs that ended with status OK and the right answer. A server counts those that have reached it.
  public var ok: Int
  /// RPCs of any kind that did not: every one of them is here.
  public var failed: Int
  /// The same by method and by what the client was told: `Echo: unavailable: …`.
  public var errors: [String: Int]
  /// Different connections that RPCs were answered on, by what the servers say.
  public var connections: Int
  /// Those beyond each channel's first.
  public var reconnects: Int
  /// The RPCs of `ok` by the server that answered.
  public var byServer: [String: Int]
  /// Attempts that failed and were followed by another one; such an RPC is counted above when it is over.
  public var retried: Int

  public init(
    event: Event, ok: Int = 0, failed: Int = 0, errors: [String: Int] = [:], connections: Int = 0, reconnects: Int = 0,
    byServer: [String: Int] = [:], retried: Int = 0
  ) {
    self.event = event
    self.ok = ok
    self.failed = failed
    self.errors = errors
    self.connections = connections
    self.reconnects = reconnects
    self.byServer = byServer
    self.retried = retried
  }

  private enum CodingKeys: String, CodingKey {
    case event, ok, failed, errors, connections, reconnects, retried
    case byServer = "by_server"
  }

  /// Clients that try nothing again say nothing of it.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    event = try values.decode(Event.self, forKey: .event)
    ok = try values.decode(Int.self, forKey: .ok)
    failed = try values.decode(Int.self, forKey: .failed)
    errors = try values.decode([String: Int].self, forKey: .errors)
    connections = try values.decode(Int.self, forKey: .connections)
    reconnects = try values.decode(Int.self, forKey: .reconnects)
    byServer = try values.decode([String: Int].self, forKey: .byServer)
    retried = try values.decodeIfPresent(Int.self, forKey: .retried) ?? 0
  }

  /// Adds what other clients report.
  public mutating func add(_ other: LoadReport) {
    ok += other.ok
    failed += other.failed
    errors.merge(other.errors, uniquingKeysWith: +)
    connections += other.connections
    reconnects += other.reconnects
    byServer.merge(other.byServer, uniquingKeysWith: +)
    retried += other.retried
  }
}
