import Balancing

/// A place in a document, with all that an error about it has to name.
///
/// Reading never throws: what is wrong goes to `problems`, and the value is nil. So one pass finds everything, and the
/// caller throws the whole document away if anything was found.
struct Cursor {
  let value: DocumentValue
  let path: FieldPath
  let problems: Problems

  var location: Location { Location(path: problems.source, line: value.line, field: path.description) }

  /// Where one of its fields stands, or would.
  func location(of field: String) -> Location {
    Location(path: problems.source, line: value.line, field: FieldPath.field(path, field).description)
  }

  /// Notes that something else was expected here; nil, to be returned by the caller.
  func expected<Value>(_ what: String) -> Value? {
    problems.add(location, "expected \(what), found \(value.found)")
    return nil
  }

  func text() -> String? {
    value.text ?? expected(value.isScalar ? "a string in quotes" : "a string")
  }

  func isText(_ text: String) -> Bool { value.text == text }

  func nonEmptyText() -> String? {
    guard let text = text() else { return nil }
    return text.isEmpty ? expected("a string that is not empty") : text
  }

  func bool() -> Bool? {
    value.bool ?? expected("true or false")
  }

  func integer<Value: FixedWidthInteger>(in range: ClosedRange<Value>) -> Value? {
    if let value = value.integer(Value.self), range.contains(value) { return value }
    return expected("a whole number from \(range.lowerBound) to \(range.upperBound)")
  }

  func portNumber() -> UInt16? { integer(in: 1...UInt16.max) }

  /// One of the texts that the cases of an enumeration stand for.
  func oneOf<Value: CaseIterable & RawRepresentable<String>>(_: Value.Type = Value.self) -> Value? {
    guard let text = text() else { return nil }
    return Value(rawValue: text) ?? expected(Value.alternatives)
  }

  /// An IP address; if a family is given, of this family.
  func address(_ family: IPAddress.Family? = nil) -> IPAddress? {
    guard let text = text() else { return nil }
    guard let address = IPAddress(text), family == nil || family == address.family else {
      return expected("an \(family?.rawValue ?? "IP") address")
    }
    return address
  }

  /// The elements of a list that could be read.
  func list<Element>(_ read: (Cursor) -> Element?) -> [Element]? {
    guard let elements = value.elements else { return expected("a list") }
    return elements.enumerated().compactMap { index, value in
      read(Cursor(value: value, path: .index(path, index), problems: problems))
    }
  }

  func nonEmptyList<Element>(_ read: (Cursor) -> Element?) -> [Element]? {
    value.elements?.isEmpty == true ? expected("a list that is not empty") : list(read)
  }

  /// A mapping of any names to strings: labels, annotations.
  func dictionary() -> [String: String]? {
    guard let fields = fields() else { return nil }
    var dictionary: [String: String] = [:]
    for name in fields.names {
      guard let value = fields.value(of: name) else { continue }
      dictionary[name] = Cursor(value: value, path: .key(path, name), problems: problems).text()
    }
    return dictionary
  }

  /// The fields of a mapping; if `known` is given, others are refused.
  func fields(known: Set<String>? = nil) -> Fields? {
    guard let fields = Fields(at: self) else { return expected("a mapping") }
    return known.map(fields.refusingOthers) ?? fields
  }
}

extension CaseIterable where Self: RawRepresentable<String> {
  /// All cases, for an error message: `a or b or c`.
  static var alternatives: String { allCases.map(\.rawValue).joined(separator: " or ") }
}

/// The way to a place in a document. A chain, so that the text is only made for the few places that have a problem.
indirect enum FieldPath: CustomStringConvertible {
  case root
  case field(FieldPath, String)
  /// A name that users chose, such as a label's.
  case key(FieldPath, String)
  case index(FieldPath, Int)

  var description: String {
    switch self {
    case .root: ""
    case .field(.root, let name): name
    case .field(let parent, let name): "\(parent).\(name)"
    case .key(let parent, let name): "\(parent)[\(name)]"
    case .index(let parent, let index): "\(parent)[\(index)]"
    }
  }
}

/// Collects what is wrong with one text while it is decoded.
final class Problems {
  let source: String
  let unknownFields: ManifestDecoder.UnknownFields
  private(set) var all: [ManifestError.Problem] = []

  init(source: String, unknownFields: ManifestDecoder.UnknownFields) {
    (self.source, self.unknownFields) = (source, unknownFields)
  }

  func add(_ location: Location, _ message: String) { all.append(.init(location, message)) }
}
