import Yams

extension Yams.Node.Scalar {
  /// What a scalar is to Kubernetes, whose tools read YAML 1.1.
  enum Meaning {
    case null, bool(Bool), number, text
  }

  var meaning: Meaning {
    // Only a plain scalar can be anything but text: quotes and `!!str` say so.
    guard style == .plain, tag != Tag(.str) else { return .text }
    return Self.words[string] ?? (isNumber ? .number : .text)
  }

  /// The words that are not text, in the three spellings that YAML knows: `null`, `Null`, `NULL`.
  private static let words: [String: Meaning] = {
    let words: [(String, Meaning)] = [
      ("null", .null), ("true", .bool(true)), ("yes", .bool(true)), ("on", .bool(true)), ("false", .bool(false)),
      ("no", .bool(false)), ("off", .bool(false)),
    ]
    var spelled: [String: Meaning] = ["": .null, "~": .null]
    for (word, meaning) in words {
      for spelling in [word, word.prefix(1).uppercased() + word.dropFirst(), word.uppercased()] {
        spelled[spelling] = meaning
      }
    }
    return spelled
  }()

  private var isNumber: Bool {
    // Double also reads "nan" and "infinity", which YAML writes with a dot.
    guard let first = string.utf8.first, "0123456789+-.".utf8.contains(first) else { return false }
    return string.utf8.contains { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } && Double(string) != nil
  }
}

extension Yams.Node {
  var isNull: Bool {
    if case .null = scalar?.meaning { true } else { false }
  }

  /// What stands here, in the words of an error message.
  var found: String {
    switch self {
    case .mapping: return "a mapping"
    case .sequence(let sequence): return sequence.isEmpty ? "an empty list" : "a list"
    case .alias: return "an alias"
    case .scalar(let scalar):
      switch scalar.meaning {
      case .null: return "nothing"
      case .bool, .number: return scalar.string
      case .text: return quoted(scalar.string)
      }
    }
  }
}
