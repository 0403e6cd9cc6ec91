import Foundation
import Testing

@testable import Manifests

@Suite("Scanning JSON")
struct JSONTests {
  /// What a text holds, in the terms of Foundation; nil if it is not JSON.
  private func ours(_ text: [UInt8]) -> NSObject? { (try? JSONDocument(text)).map { plain($0.root) } }

  private func plain(_ value: JSONValue) -> NSObject {
    if let fields = value.fields {
      let members = fields.names.map { ($0, fields[$0].map(plain) ?? NSNull()) }
      return NSDictionary(dictionary: Dictionary(members) { first, _ in first })
    }
    if let elements = value.elements { return NSArray(array: elements.map(plain)) }
    if let text = value.text { return text as NSString }
    if let bool = value.bool { return NSNumber(value: bool) }
    return value.isNull ? NSNull() : NSNumber(value: Double(value.found) ?? .nan)
  }

  private func foundations(_ text: [UInt8]) -> NSObject? {
    try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed) as? NSObject
  }

  private func error(_ text: String) -> String? {
    do throws(JSONError) {
      _ = try JSONDocument(Array(text.utf8))
      return nil
    } catch {
      return error.description
    }
  }

  @Test(
    "values are found wherever they stand, spaces or not",
    arguments: [
      "0", "-0", " [ ] ", "{}", "[1,2.5,-3e2,1E+2,0.1e-1]", "\t{\"a\" : [ { } , null ] ,\r\n\"b\":true,\"c\":false}\n",
      #"["", "a", "é€😀", "\u00e9\u20AC\ud83d\ude00", "\"\\\/\b\f\n\r\t"]"#, #"{"\u0061":1,"":2}"#,
    ])
  func valid(text: String) throws {
    let value = try #require(ours(Array(text.utf8)))
    #expect(value == foundations(Array(text.utf8)))
  }

  @Test(
    "what is not JSON is refused with the first byte that cannot be",
    arguments: [
      ("", "expected a value, found the end, at byte 0"),
      ("[1,]", "expected a value, found \"]\", at byte 3"),
      ("[1 2]", "expected \",\" or \"]\", found \"2\", at byte 3"),
      ("[1", "expected \",\" or \"]\", found the end, at byte 2"),
      ("{a:1}", "expected a name in quotes, found \"a\", at byte 1"),
      ("{\"a\" 1}", "expected \":\", found \"1\", at byte 5"),
      ("{\"a\":1,}", "expected a name in quotes, found \"}\", at byte 7"),
      ("{\"a\":1", "expected \",\" or \"}\", found the end, at byte 6"),
      ("1 1", "expected the end, found \"1\", at byte 2"),
      ("01", "expected the end, found \"1\", at byte 1"),
      ("-", "expected a digit, found the end, at byte 1"),
      ("1.", "expected a digit, found the end, at byte 2"),
      ("1e+", "expected a digit, found the end, at byte 3"),
      ("+1", "expected a value, found \"+\", at byte 0"),
      ("nul", "expected null, found the end, at byte 3"),
      ("True", "expected a value, found \"T\", at byte 0"),
      ("\"a", "expected the end of a string, found the end, at byte 2"),
      ("\"a\nb\"", "expected no control character in a string, found the byte 10, at byte 2"),
      ("\"\\x\"", "expected an escape sequence, found \"x\", at byte 2"),
      ("\"\\u12g4\"", "expected four hex digits, found \"g\", at byte 5"),
      (#""\ud800""#, "expected the second half of a surrogate pair, found \"\"\", at byte 7"),
      (#""\ud800\u0041""#, "expected the second half of a surrogate pair, found \"\"\", at byte 13"),
      (#""\udc00""#, "expected no second half of a surrogate pair without the first, found \"\"\", at byte 7"),
    ])
  func invalid(text: String, message: String) { #expect(error(text) == message) }

  @Test("bytes that are not UTF-8 are refused, and the first of them is named")
  func notUTF8() {
    #expect(throws: JSONError(offset: 1, expectation: "UTF-8", found: 0xff)) {
      try JSONDocument([UInt8(ascii: "\""), 0xff, UInt8(ascii: "\"")])
    }
  }

  @Test("lists may stand within each other up to a limit, beyond which nothing crashes")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(error(nested(JSONDocument.maximumDepth)) == nil)
    #expect(error(nested(JSONDocument.maximumDepth + 1))?.contains("no more than 200 lists") == true)
    #expect(error(String(repeating: "{\"a\":", count: 1_000_000)) != nil)
  }

  @Test("whole numbers are read where they fit, and other numbers are none")
  func integers() throws {
    func integer(_ text: String) throws -> Int8? { try JSONDocument(Array(text.utf8)).root.integer(Int8.self) }
    #expect(try ["127", "-128", "0"].map(integer) == [127, -128, 0])
    #expect(try ["128", "1.0", "1e2", "\"1\"", "true"].map(integer) == [nil, nil, nil, nil, nil])
  }

  @Test("of a name that stands twice the first counts")
  func twice() throws { #expect(try JSONDocument(Array(#"{"a":1,"a":2}"#.utf8)).root.fields?["a"]?.found == "1") }

  @Test("random texts, valid and spoiled, are to Foundation what they are here")
  func fuzz() {
    var random = SystemRandomNumberGenerator()
    var valid = 0
    for _ in 0..<5_000 {
      var text = Array(randomJSON(depth: 4, &random).utf8)
      for _ in 0..<Int.random(in: 0...1, using: &random) { spoil(&text, &random) }
      // Foundation lets a comma stand at the end of a list.
      if String(decoding: text, as: UTF8.self).contains(/,\s*[\]}]/) { continue }
      let value = ours(text)
      valid += value == nil ? 0 : 1
      #expect(value == foundations(text), "\(String(decoding: text, as: UTF8.self)) \(text)")
    }
    #expect(valid > 500)
  }

  private func randomJSON(depth: Int, _ random: inout some RandomNumberGenerator) -> String {
    let strings = ["a", "é", "😀", #"\n"#, #"\u0041"#, #"\ud83d\ude00"#, #"\""#, "{", "]", ""]
    func string() -> String { "\"\((0..<3).map { _ in strings.randomElement(using: &random) ?? "" }.joined())\"" }
    let space = ["", "", " ", "\n\t"].randomElement(using: &random) ?? ""
    switch Int.random(in: depth > 0 ? 0...5 : 2...5, using: &random) {
    case 0:
      let elements = (0..<Int.random(in: 0...3, using: &random)).map { _ in randomJSON(depth: depth - 1, &random) }
      return "[\(space)" + elements.joined(separator: "\(space),") + "]\(space)"
    case 1:
      let members = (0..<Int.random(in: 0...3, using: &random)).map { number in
        // Names are unique: Foundation takes the last of those that are not.
        "\"\(number)" + string().dropFirst() + "\(space):" + randomJSON(depth: depth - 1, &random)
      }
      return "{" + members.joined(separator: ",\(space)") + "\(space)}"
    case 2: return string()
    case 3: return ["true", "false", "null"].randomElement(using: &random) ?? ""
    default: return ["0", "-1", "12", "0.5", "-2.5e3", "1E2"].randomElement(using: &random) ?? ""
    }
  }

  /// Removes, doubles or replaces a byte.
  private func spoil(_ text: inout [UInt8], _ random: inout some RandomNumberGenerator) {
    guard let index = text.indices.randomElement(using: &random) else { return }
    switch Int.random(in: 0...2, using: &random) {
    case 0: text.remove(at: index)
    case 1: text.insert(text[index], at: index)
    default: text[index] = Array("{}[]\",:\\u0e-.tf \n".utf8).randomElement(using: &random) ?? 0
    }
  }
}
