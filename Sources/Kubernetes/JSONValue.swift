import FoundationEssentials
import YAML

/// Any JSON value: what a kubeconfig holds for an exec plugin, which is handed on as it is.
enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])
}

extension JSONValue: Encodable {
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let bool): try container.encode(bool)
    case .integer(let integer): try container.encode(integer)
    case .number(let number): try container.encode(number)
    case .string(let string): try container.encode(string)
    case .array(let array): try container.encode(array)
    case .object(let object): try container.encode(object)
    }
  }

  /// The value in JSON, with names in order.
  var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // It fails for infinite numbers only, and there are none.
    guard let data = try? encoder.encode(self) else { return "null" }
    return String(decoding: data, as: UTF8.self)
  }
}

extension JSONValue {
  /// A value in YAML, as kubectl's tools make JSON of it.
  init(_ node: Node) {
    switch node.content {
    case .scalar(let scalar): self.init(scalar)
    case .sequence(let nodes): self = .array(nodes.map(JSONValue.init))
    case .mapping(let entries):
      let named = entries.compactMap { entry in entry.key.scalar.map { ($0.string, JSONValue(entry.value)) } }
      self = .object(Dictionary(named) { first, _ in first })
    }
  }

  private init(_ scalar: Scalar) {
    self =
      switch scalar.meaning {
      case .null: .null
      case .bool(let bool): .bool(bool)
      case .text where !scalar.isPlain || scalar.tag != nil: .string(scalar.string)
      case .number, .text: JSONValue(number: scalar.string.filter { $0 != "_" }) ?? .string(scalar.string)
      }
  }

  /// Nil if it is none.
  private init?(number text: String) {
    if let integer = Int64(yaml: text) {
      self = .integer(integer)
    } else if let number = Double(text), number.isFinite {
      self = .number(number)
    } else {
      return nil
    }
  }
}

extension Int64 {
  /// A whole number as YAML 1.1 writes it: `17`, `-0x11`, `0b10001`, `0o21`, and `021`, which is octal too.
  fileprivate init?(yaml text: String) {
    let sign = text.hasPrefix("-") ? "-" : ""
    let digits = text.drop { "+-".contains($0) }
    let bases: [(prefix: String, radix: Int)] = [("0x", 16), ("0b", 2), ("0o", 8), ("0", 8)]
    guard digits != "0", let base = bases.first(where: { digits.hasPrefix($0.prefix) }) else {
      self.init(text)
      return
    }
    self.init(sign + digits.dropFirst(base.prefix.count), radix: base.radix)
  }
}
