import Manifests
import Testing

@Suite("Label selectors")
struct LabelSelectorTests {
  private static let labels = ["app": "cart", "tier": "web", "empty": "", "example.com/team": "Shop-1_a.b"]

  @Test(
    "they select by equality, set and presence; all requirements must hold",
    arguments: [
      ("", true), ("  ", true),
      ("app=cart", true), ("app==cart", true), ("app = cart", true), ("app=front", false), ("zone=cart", false),
      ("app!=cart", false), ("app!=front", true), ("zone!=cart", true),
      ("app in (front,cart)", true), ("app in ( front , cart )", true), ("app in(cart)", true), ("app in (x)", false),
      ("zone in (cart)", false), ("app notin (front,cart)", false), ("app notin (x)", true), ("zone notin (x)", true),
      ("app", true), ("zone", false), ("!app", false), ("!zone", true), ("! zone", true),
      ("empty=", true), ("app=", false), ("empty in ()", true), ("empty", true),
      ("example.com/team=Shop-1_a.b", true),
      ("app=cart,tier!=db,app in (cart,x),tier notin (y),empty,!zone", true), ("app=cart,tier=db", false),
      ("in=x", false), ("notin", false), ("!in,!notin", true),
    ])
  func matching(text: String, matches: Bool) throws {
    #expect(try LabelSelector(text).matches(Self.labels) == matches)
  }

  @Test(
    "a selector that is wrong is refused, with the place",
    arguments: [
      (",", "expected a label's name at column 1"),
      ("app=cart,", "expected a label's name at column 10"),
      ("app=cart,,tier", "expected a label's name at column 10"),
      ("=cart", "expected a label's name at column 1"),
      ("app cart", "expected =, !=, in, notin or \",\" at column 5"),
      ("app>1", "expected =, !=, in, notin or \",\" at column 4"),
      ("app=a b", "expected \",\" or the end at column 7"),
      ("!app=cart", "expected \",\" or the end at column 5"),
      ("app in cart", "expected \"(\" at column 8"),
      ("app in (cart", "expected \",\" or \")\" at column 13"),
      ("app in (cart x)", "expected \",\" or \")\" at column 14"),
      ("app=-cart", "expected a label's value at column 5"),
      ("app=cärt", "expected \",\" or the end at column 6"),
      ("a/b/c=d", "expected a label's name at column 1"),
      ("/app=cart", "expected a label's name at column 1"),
      ("example..com/app", "expected a label's name at column 1"),
      (String(repeating: "a", count: 64), "expected a label's name at column 1"),
      ("a=" + String(repeating: "a", count: 64), "expected a label's value at column 3"),
    ])
  func refusing(text: String, message: String) throws {
    let error = try #require(throws: LabelSelectorError.self) { try LabelSelector(text) }
    #expect(error.description == "label selector \"\(text)\": \(message)")
  }
}
