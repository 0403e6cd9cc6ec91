#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

// The JSON of the contract: names in snake case, absent values as an explicit `null`.

extension Service {
  enum CodingKeys: String, CodingKey {
    case namespace, name, port, addresses, headless, mode, policy, imbalance, endpoints
    case portName = "port_name"
  }
}

extension Connection {
  enum CodingKeys: String, CodingKey {
    case id, namespace, name, endpoint, peer, responses, state, reason
    case ageSeconds = "age_seconds"
    case protocolName = "protocol"
  }
}

extension Status {
  enum CodingKeys: String, CodingKey {
    case version, pid, ready, source, node, policy, services, endpoints, connections, drain, maps, outcomes, warnings
    case uptimeSeconds = "uptime_seconds"
  }
}

extension Status.Drain {
  enum CodingKeys: String, CodingKey {
    case enabled, reason, queued, goaways, refused, busy, closed, unguarded
    case intervalSeconds = "interval_seconds"
    case jitterPercent = "jitter_percent"
    case pacePercent = "pace_percent"
    case rebalanceWindowSeconds = "rebalance_window_seconds"
    case graceSeconds = "grace_seconds"
  }
}

extension Status.MapUsage {
  enum CodingKeys: String, CodingKey {
    case name, entries
    case maxEntries = "max_entries"
  }
}

/// An encoder that the compiler writes calls `encodeIfPresent` for an optional, which leaves the key out. In this module
/// it finds these instead, which write `null`: a reader then need not tell "absent" from "unknown to this version".
extension KeyedEncodingContainer {
  mutating func encodeIfPresent(_ value: String?, forKey key: Key) throws {
    if let value { try encode(value, forKey: key) } else { try encodeNil(forKey: key) }
  }

  mutating func encodeIfPresent(_ value: Double?, forKey key: Key) throws {
    if let value { try encode(value, forKey: key) } else { try encodeNil(forKey: key) }
  }
}

/// How the contract's values are written and read, by the server as by the client.
public enum ContractJSON {
  /// The JSON text of a value. The order of keys is the same every time.
  ///
  /// - Parameter pretty: one key a line, for people; otherwise one line.
  /// - Throws: `EncodingError` for a number that JSON cannot hold (infinite or not a number).
  public static func text(of value: some Encodable, pretty: Bool = false) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// - Throws: `DecodingError` where the text is not JSON, or not of this shape.
  static func value<Value: Decodable>(_ type: Value.Type = Value.self, of text: some Sequence<UInt8>) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text))
  }
}
