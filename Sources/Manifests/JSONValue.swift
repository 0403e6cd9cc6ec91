import Foundation

/// A value in a JSON text (RFC 8259), read when it is asked for: what is passed over costs the scan of the text, and no more.
///
/// Foundation's decoder does the reading, by way of its containers: a value is known by the container that it stands in,
/// and which type to read it as, by the caller. Valid only within `read`.
enum JSONValue {
  case root(any Decoder)
  case field(KeyedDecodingContainer<Name>, Name)
  /// The next one of a list.
  case element(any UnkeyedDecodingContainer)

  struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }

    init?(intValue: Int) { nil }
  }

  /// Reads a whole text, which `body` makes something of.
  ///
  /// - Throws: `DecodingError` if the text is not JSON.
  static func read<Value>(_ json: [UInt8], _ body: (JSONValue) -> Value) throws -> Value {
    try withoutActuallyEscaping(body) { body in
      try JSONDecoder().decode(Reading<Value>.self, from: Data(json), configuration: body).value
    }
  }

  private struct Reading<Value>: DecodableWithConfiguration {
    let value: Value

    init(from decoder: any Decoder, configuration: (JSONValue) -> Value) {
      value = configuration(.root(decoder))
    }
  }

  // Each of these is nil if it is none, and cheap if it is one.

  var text: String? { read(String.self) }

  var bool: Bool? { read(Bool.self) }

  func integer<Value: FixedWidthInteger>(_: Value.Type) -> Value? { read(Int64.self).flatMap(Value.init(exactly:)) }

  var isNull: Bool {
    switch self {
    case .root(let decoder): (try? decoder.singleValueContainer().decodeNil()) ?? false
    case .field(let fields, let name): (try? fields.decodeNil(forKey: name)) ?? false
    case .element(var list): (try? list.decodeNil()) ?? false
    }
  }

  var fields: KeyedDecodingContainer<Name>? {
    switch self {
    case .root(let decoder): try? decoder.container(keyedBy: Name.self)
    case .field(let fields, let name): try? fields.nestedContainer(keyedBy: Name.self, forKey: name)
    case .element(var list): try? list.nestedContainer(keyedBy: Name.self)
    }
  }

  var elements: [JSONValue]? {
    guard var list else { return nil }
    var elements: [JSONValue] = []
    while !list.isAtEnd {
      elements.append(.element(list))
      guard (try? list.decode(Passed.self)) != nil else { break }
    }
    return elements
  }

  private var list: (any UnkeyedDecodingContainer)? {
    switch self {
    case .root(let decoder): try? decoder.unkeyedContainer()
    case .field(let fields, let name): try? fields.nestedUnkeyedContainer(forKey: name)
    case .element(var list): try? list.nestedUnkeyedContainer()
    }
  }

  private func read<Value: Decodable>(_ type: Value.Type) -> Value? {
    switch self {
    case .root(let decoder): try? decoder.singleValueContainer().decode(type)
    case .field(let fields, let name): try? fields.decode(type, forKey: name)
    case .element(var list): try? list.decode(type)
    }
  }

  /// Any value, passed over.
  private struct Passed: Decodable {
    init(from decoder: any Decoder) {}
  }

  var isScalar: Bool { fields == nil && list == nil }

  /// What stands here, in the words of an error message. Slow: it tries one type after the other.
  var found: String {
    if fields != nil { return "a mapping" }
    if let list { return list.isAtEnd ? "an empty list" : "a list" }
    if isNull { return "nothing" }
    if let text { return quoted(text) }
    return bool?.description ?? read(Int64.self)?.description ?? read(Double.self)?.description ?? "a number"
  }
}

extension DecodingError {
  /// What is wrong with a text that is not JSON, in one line.
  var syntaxMessage: String {
    guard case .dataCorrupted(let context) = self else { return "not valid JSON: \(self)" }
    let detail = (context.underlyingError as? NSError)?.userInfo[NSDebugDescriptionErrorKey] as? String
    return "not valid JSON: \(detail ?? context.debugDescription)"
  }
}
