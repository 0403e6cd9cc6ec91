import Testing
import YAML

@Suite("Anchors, aliases and merge keys")
struct AliasTests {
  @Test("an alias stands for what its anchor marks, the last one of its name")
  func aliases() throws {
    #expect(try text("[&a b, *a, &a {c: d}, *a]") == "[b, b, {c: d}, {c: d}]")
    #expect(try text("&a b: *a") == "{b: b}")
  }

  @Test(
    "an alias without an anchor before it, in it, or in its own document is an error",
    arguments: [("- *a\n", 1), ("- &a [*a]\n", 1), ("&a b\n---\n*a\n", 3)])
  func undefined(text: String, line: Int) throws {
    let error = #expect(throws: YAMLError.self) { try Node.forEachDocument(in: text) { _ in } }
    #expect(error?.description == "line \(line): found undefined alias \"a\"")
  }

  @Test("a merge key brings what is not there yet, from the first mapping that has it")
  func merge() throws {
    #expect(try text("[&a {x: 1, y: 2}, {<<: *a, y: 3}]") == "[{x: 1, y: 2}, {y: 3, x: 1}]")
    #expect(try text("{z: 0, <<: [{x: 1}, {x: 2, y: 3, z: 4}]}") == "{z: 0, x: 1, y: 3}")
    #expect(try text("{<<: {<<: {x: 1}, y: 2}}") == "{y: 2, x: 1}")
  }

  @Test("a merge key in quotes is a key like others")
  func quotedMergeKey() throws {
    #expect(try text("{\"<<\": {x: 1}}") == "{'<<': {x: 1}}")
  }

  @Test("only mappings can be merged", arguments: ["{<<: 5}", "{<<: [{a: 1}, b]}"])
  func wrongMerge(text: String) throws {
    #expect(try error(text) == "line 1: << takes a mapping, or a list of mappings")
  }

  @Test("aliases of aliases that stand for billions of values are refused, in a moment")
  func explosion() throws {
    var text = "- &a0 x\n"
    for level in 1...100 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "- &a\(level) [\(aliases)]\n"
    }
    #expect(try error(text).hasSuffix("its aliases stand for more than \(Limits.aliasedNodes) values"))
  }

  @Test("as many aliases as manifests have are not")
  func many() throws {
    let text = "- &a {x: [1, 2, 3]}\n" + String(repeating: "- *a\n", count: 10_000)
    #expect(try Node.document(in: text)?.sequence?.count == 10_001)
  }

  @Test(
    "lists and mappings in each other are read down to the limit, and refused below",
    arguments: [("[", "]"), ("{a: ", "}")])
  func depth(open: String, close: String) throws {
    func nested(_ depth: Int) -> String {
      String(repeating: open, count: depth) + "x" + String(repeating: close, count: depth)
    }
    #expect(throws: Never.self) { try Node.document(in: nested(Limits.depth)) }
    let refusal = "line 1: more than \(Limits.depth) lists and mappings stand in each other"
    #expect(try error(nested(Limits.depth + 1)) == refusal)
    #expect(try error(String(repeating: open, count: 100_000)) == refusal)
  }

  @Test("aliases do not lead deeper than the limit")
  func depthByAliases() throws {
    let text = (1...Limits.depth).reduce("- &a0 []\n") { "\($0)- &a\($1) [*a\($1 - 1)]\n" }
    #expect(try error(text).hasSuffix("more than \(Limits.depth) lists and mappings stand in each other"))
  }
}
