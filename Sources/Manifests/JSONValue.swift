/// A value in a JSON text, read when it is asked for.
struct JSONValue {
  let document: JSONDocument
  /// Its place among the document's entries.
  let index: Int

  private var entry: JSONDocument.Entry { document.entries[index] }

  var isNull: Bool { entry.kind == .null }

  var isScalar: Bool { entry.kind != .object && entry.kind != .list }

  /// Nil if it is no string.
  var text: String? {
    switch entry.kind {
    case .string: String(decoding: source, as: UTF8.self)
    case .escapedString: unescaped
    case .object, .list, .number, .true, .false, .null: nil
    }
  }

  var bool: Bool? {
    switch entry.kind {
    case .true: true
    case .false: false
    case .object, .list, .string, .escapedString, .number, .null: nil
    }
  }

  /// Nil if it is no whole number, or too large.
  func integer<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
    entry.kind == .number ? Value(String(decoding: source, as: UTF8.self)) : nil
  }

  /// Nil if it is no list.
  var elements: [JSONValue]? {
    guard entry.kind == .list else { return nil }
    var elements: [JSONValue] = []
    var next = index + 1
    while next < entry.end {
      elements.append(JSONValue(document: document, index: next))
      next = elements[elements.count - 1].nextIndex
    }
    return elements
  }

  /// Nil if it is no object.
  var fields: JSONFields? { entry.kind == .object ? JSONFields(document: document, index: index) : nil }

  /// What stands here, in the words of an error message.
  var found: String {
    switch entry.kind {
    case .object: "a mapping"
    case .list: elements?.isEmpty == true ? "an empty list" : "a list"
    case .string, .escapedString: quoted(text ?? "")
    case .null: "nothing"
    case .number, .true, .false: String(decoding: source, as: UTF8.self)
    }
  }

  /// Of the value after this one.
  fileprivate var nextIndex: Int { isScalar ? index + 1 : Int(entry.end) }

  /// How a scalar is written; of a string, what stands between the quotes.
  private var source: ArraySlice<UInt8> { document.bytes[Int(entry.start)..<Int(entry.end)] }

  fileprivate func isText(_ text: String) -> Bool {
    if entry.kind == .escapedString { return unescaped == text }
    let utf8 = text.utf8
    guard Int(entry.end - entry.start) == utf8.count else { return false }
    // By numbers, since making a slice of the bytes for each name would be half of what finding a field costs.
    var position = Int(entry.start)
    for byte in utf8 {
      if document.bytes[position] != byte { return false }
      position += 1
    }
    return true
  }

  /// A string with its escape sequences resolved: the scanner has seen that they are valid.
  private var unescaped: String {
    var bytes: [UInt8] = []
    var rest = source
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst().flatMap(JSONEscape.init) else {
        bytes.append(byte)
        continue
      }
      switch escape {
      case .byte(let byte): bytes.append(byte)
      case .unicode: bytes += Self.scalar(in: &rest).utf8
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The character of four hex digits, or of two times four that are a surrogate pair (RFC 8259 §7).
  private static func scalar(in rest: inout ArraySlice<UInt8>) -> String {
    func unit() -> UInt16 {
      defer { rest = rest.dropFirst(4) }
      return rest.prefix(4).reduce(0) { $0 << 4 | (hexDigit($1) ?? 0) }
    }
    var units = [unit()]
    if UTF16.isLeadSurrogate(units[0]) {
      rest = rest.dropFirst(2)
      units.append(unit())
    }
    return String(decoding: units, as: UTF16.self)
  }
}

/// The members of an object. Of a name that stands there twice the first counts.
struct JSONFields {
  fileprivate let document: JSONDocument
  fileprivate let index: Int

  var names: [String] {
    var names: [String] = []
    walk { name, _ in
      names.append(name.text ?? "")
      return false
    }
    return names
  }

  subscript(name: String) -> JSONValue? {
    var found: JSONValue?
    walk { key, value in
      guard key.isText(name) else { return false }
      found = value
      return true
    }
    return found
  }

  /// Members, in order, until `body` says that it has seen enough.
  private func walk(_ body: (_ name: JSONValue, _ value: JSONValue) -> Bool) {
    let end = document.entries[index].end
    var next = index + 1
    while next < end {
      let value = JSONValue(document: document, index: next + 1)
      if body(JSONValue(document: document, index: next), value) { return }
      next = value.nextIndex
    }
  }
}
