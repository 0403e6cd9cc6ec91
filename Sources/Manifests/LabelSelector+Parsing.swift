extension LabelSelector {
  /// Reads a selector; an empty one selects everything.
  public init(_ text: String) throws(LabelSelectorError) {
    var parser = LabelSelectorParser(text)
    self.init(requirements: try parser.requirements())
  }
}

private struct LabelSelectorParser {
  private let text: String
  private var rest: Substring

  init(_ text: String) {
    (self.text, self.rest) = (text, text[...])
    skipSpaces()
  }

  mutating func requirements() throws(LabelSelectorError) -> [LabelSelector.Requirement] {
    var requirements: [LabelSelector.Requirement] = []
    if rest.isEmpty { return [] }
    repeat {
      requirements.append(try requirement())
    } while take(",")
    guard rest.isEmpty else { throw expected("\",\" or the end") }
    return requirements
  }

  private mutating func requirement() throws(LabelSelectorError) -> LabelSelector.Requirement {
    if take("!") { return .isAbsent(key: try key()) }
    let key = try key()
    if take("!=") { return .isNoneOf(key: key, [try value()]) }
    if take("==") || take("=") { return .isOneOf(key: key, [try value()]) }
    if take("in", asWord: true) { return .isOneOf(key: key, try values()) }
    if take("notin", asWord: true) { return .isNoneOf(key: key, try values()) }
    guard rest.isEmpty || rest.first == "," else { throw expected("=, !=, in, notin or \",\"") }
    return .exists(key: key)
  }

  private mutating func values() throws(LabelSelectorError) -> Set<String> {
    guard take("(") else { throw expected("\"(\"") }
    var values: Set<String> = []
    repeat {
      values.insert(try value())
    } while take(",")
    guard take(")") else { throw expected("\",\" or \")\"") }
    return values
  }

  /// `name` or `prefix/name`, where the prefix is a domain.
  private mutating func key() throws(LabelSelectorError) -> String {
    let start = rest
    let parts = word(or: "/").split(separator: "/", omittingEmptySubsequences: false)
    guard let name = parts.last, parts.count <= 2, !name.isEmpty, isLabelText(name),
      parts.count == 1 || isDomain(parts[0])
    else {
      rest = start
      throw expected("a label's name")
    }
    skipSpaces()
    return parts.joined(separator: "/")
  }

  /// Labels may be empty, and so may values here.
  private mutating func value() throws(LabelSelectorError) -> String {
    let start = rest
    let value = word()
    guard isLabelText(value) else {
      rest = start
      throw expected("a label's value")
    }
    skipSpaces()
    return String(value)
  }

  /// At most 63 characters, of which the first and last are letters or digits.
  private func isLabelText(_ text: some StringProtocol) -> Bool {
    text.count <= 63 && [text.first, text.last].allSatisfy { $0.map { $0.isLetter || $0.isNumber } ?? true }
  }

  private func isDomain(_ text: Substring) -> Bool {
    text.utf8.count <= 253
      && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty && isLabelText($0) }
  }

  private mutating func word(or extra: Character? = nil) -> Substring {
    let word = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) || $0 == extra }
    rest = rest.dropFirst(word.count)
    return word
  }

  /// Takes `token` if it comes next; as a word, only if no other letter follows.
  private mutating func take(_ token: String, asWord: Bool = false) -> Bool {
    guard rest.hasPrefix(token) else { return false }
    let after = rest.dropFirst(token.count)
    if asWord, let next = after.first, next != "(", !next.isWhitespace { return false }
    rest = after
    skipSpaces()
    return true
  }

  private mutating func skipSpaces() { rest = rest.drop(while: \.isWhitespace) }

  private func expected(_ what: String) -> LabelSelectorError {
    let column = text.distance(from: text.startIndex, to: rest.startIndex) + 1
    return LabelSelectorError(text: text, column: column, message: "expected \(what)")
  }
}
