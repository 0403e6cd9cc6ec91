import Testing
import YAML

@Suite("Reading YAML")
struct DocumentTests {
  @Test("scalars, lists and mappings, in blocks and in brackets, are what they say")
  func shapes() throws {
    #expect(try text("a: [1, 'b']\nc:\n- d: {e: f}\n- \"g\\th\"\n") == "{a: [1, 'b'], c: [{d: {e: f}}, 'g\th']}")
    #expect(try text("a: |\n  b\n  c\nd: >-\n  e\n  f\n") == "{a: 'b\nc\n', d: 'e f'}")
    #expect(try text("{\"a\": [1, null, \"\\u00e9\\n\"]}") == "{'a': [1, null, 'é\n']}")
  }

  @Test("a node knows the line and the column where it begins")
  func marks() throws {
    let root = try #require(try Node.document(in: "# first\na:\n  - é: b\n"))
    #expect(root.mark == Mark(line: 2, column: 1))
    let item = try #require(root.mapping?.first?.value.sequence?.first)
    #expect(item.mark == Mark(line: 3, column: 5))
    #expect(item.mapping?.first?.value.mark == Mark(line: 3, column: 8))
  }

  @Test("each document is told of, and those before an error too")
  func documents() {
    var documents: [String] = []
    #expect(throws: YAMLError.self) {
      try Node.forEachDocument(in: "a\n---\n# nothing\n---\n- b\n...\n---\nc: [\n") { documents.append(text($0)) }
    }
    #expect(documents == ["a", "", "[b]"])
  }

  @Test("a text without a document has none", arguments: ["", "\n", "# only words\n"])
  func nothing(text: String) throws {
    #expect(try YAMLTests.text(text) == nil)
  }

  @Test("where one document is expected, a second one is an error at its place")
  func several() throws {
    #expect(try error("a: b\n---\nc: d\n") == "line 3: another document begins here; one was expected")
  }

  @Test("a byte order mark is no part of the text, and lines may end as on Windows")
  func windows() throws {
    #expect(try text("\u{feff}a: b\r\nc: d\r\n") == "{a: b, c: d}")
  }

  @Test("a zero in a text does not end it")
  func zeros() throws {
    #expect(try text("a: \"b\\0c\"") == "{a: 'b\0c'}")
  }

  @Test("very long texts come whole")
  func long() throws {
    let long = String(repeating: "wörter ", count: 100_000) + "."
    #expect(try Node.document(in: "a: \"\(long)\"")?.mapping?.first?.value.scalar?.string == long)
  }

  @Test(
    "what is not YAML is an error that names the line, what is wrong, and in what",
    arguments: [
      ("a:\n\tb: c\n", "line 2: found character that cannot start any token, while scanning for the next token"),
      ("a: [\n", "line 2: did not find expected node content, while parsing a flow node"),
      ("a: b: c\n", "line 1: mapping values are not allowed in this context"),
      ("a: \"b\n", "line 2: found unexpected end of stream, while scanning a quoted scalar that begins in line 1"),
      ("é: ü\nb: c\u{1}d\n", "line 2: control characters are not allowed"),
      ("a: !u!b c\n", "line 1: found undefined tag handle, while parsing a node that begins in line 1"),
      ("%YAML 3.0\n---\na\n", "line 1: found incompatible YAML document"),
    ])
  func invalid(text: String, expected: String) throws {
    let error = try error(text)
    #expect(error.hasPrefix(expected))
  }

  @Test("where a character is refused, the column counts characters, not bytes")
  func column() {
    let error = #expect(throws: YAMLError.self) { try Node.document(in: "éü: \u{1}\n") }
    #expect(error?.mark == Mark(line: 1, column: 5))
  }

  @Test("a key that stands twice is an error where it stood first")
  func duplicates() throws {
    #expect(try error("z: 1\na: 1\nb: 2\n\"a\": 3\n") == "line 2: \"a\" stands here twice")
    #expect(try error("a: {<<: {}, <<: {}}") == "line 1: \"<<\" stands here twice")
    #expect(try text("[{a: 1}, {a: 1}]") == "[{a: 1}, {a: 1}]")
  }
}
