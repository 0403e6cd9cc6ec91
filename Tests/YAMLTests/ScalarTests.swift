import Testing
import YAML

@Suite("What scalars mean")
struct ScalarTests {
  @Test(
    "plain ones: what they mean to Kubernetes' tools",
    arguments: [
      ("~", .null), ("null", .null), ("NULL", .null), ("nULL", .text), ("true", .bool(true)), ("Yes", .bool(true)),
      ("ON", .bool(true)), ("false", .bool(false)), ("no", .bool(false)), ("Off", .bool(false)), ("tRUE", .text),
      ("y", .text), ("80", .number), ("-1", .number), ("+1", .number), ("-.5e3", .number), ("0x1F", .number),
      ("1.2.3", .text), ("10.0.0.1", .text), ("-", .text), (".", .text), ("nan", .text), ("infinity", .text),
      (".inf", .text), ("12a", .text), ("v1", .text),
    ] as [(String, Scalar.Meaning)])
  func plain(text: String, meaning: Scalar.Meaning) throws {
    #expect(try Node.document(in: "[\(text)]")?.sequence?.first?.scalar?.meaning == meaning)
  }

  @Test("where nothing stands, it is null")
  func empty() throws {
    #expect(try Node.document(in: "a:")?.mapping?.first?.value.isNull == true)
    #expect(try Node.document(in: "---\n")?.isNull == true)
  }

  @Test(
    "those in quotes, in blocks or tagged so are text",
    arguments: ["'80'", "\"true\"", "!!str 80", "!!str", "|\n 80", "''"])
  func texts(text: String) throws {
    #expect(try Node.document(in: "- \(text)")?.sequence?.first?.scalar?.meaning == .text)
  }

  @Test("a tag is known in full")
  func tags() throws {
    #expect(try Node.document(in: "!!str 80")?.scalar?.tag == "tag:yaml.org,2002:str")
    #expect(try Node.document(in: "!mine 80")?.scalar?.tag == "!mine")
    #expect(try Node.document(in: "80")?.scalar?.tag == nil)
  }
}
