/// A text in a document, and how it was written, on which its meaning depends.
public struct Scalar: Sendable, Equatable {
  public let string: String
  /// Without quotes, and no block of `|` or `>`.
  public let isPlain: Bool
  /// The tag that stands before it, in full: `tag:yaml.org,2002:str` for `!!str`.
  public let tag: String?

  public init(_ string: String, isPlain: Bool, tag: String? = nil) {
    (self.string, self.isPlain, self.tag) = (string, isPlain, tag)
  }
}

extension Scalar {
  /// What a scalar is to Kubernetes, whose tools read YAML 1.1.
  public enum Meaning: Sendable, Equatable {
    case null, bool(Bool), number, text
  }

  public var meaning: Meaning {
    // Only a plain scalar can be anything but text: quotes and `!!str` say so.
    guard isPlain, tag != "tag:yaml.org,2002:str" else { return .text }
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
