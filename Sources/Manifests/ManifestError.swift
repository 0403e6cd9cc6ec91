/// Where something stands in what was read.
public struct Location: Sendable, Equatable {
  /// The file, or whatever name the text was given.
  public var path: String
  /// Counted from 1; nil: the text as a whole.
  public var line: Int?
  /// The way to it within the document: `items[3].spec.ports[0].port`; empty: the document as a whole.
  public var field: String

  public init(path: String, line: Int? = nil, field: String = "") {
    (self.path, self.line, self.field) = (path, line, field)
  }

  /// `shop.yaml:14`
  public var fileAndLine: String { line.map { "\(path):\($0)" } ?? path }
}

/// Manifests that cannot be used; says all that is wrong with them at once.
public struct ManifestError: Error, Sendable, Equatable {
  /// What went wrong, for callers that choose an exit code.
  public enum Kind: Sendable, Equatable {
    /// There is no such file or directory, or it cannot be read.
    case unreadable
    /// It was read, and means nothing valid.
    case badData
  }

  /// One thing that is wrong.
  public struct Problem: Sendable, Equatable, CustomStringConvertible {
    public var location: Location
    public var message: String

    public init(_ location: Location, _ message: String) {
      (self.location, self.message) = (location, message)
    }

    /// `shop.yaml:14: spec.ports[0].port: expected a whole number from 1 to 65535, found "eighty"`
    public var description: String {
      [location.fileAndLine, location.field, message].filter { !$0.isEmpty }.joined(separator: ": ")
    }
  }

  /// How many problems are listed: more would scroll the first ones, which often cause the others, off the screen.
  public static let limit = 20

  public let kind: Kind
  /// The first `limit` of them, by path and line.
  public let problems: [Problem]
  /// How many more there are.
  public let omitted: Int

  public init(_ kind: Kind, _ problems: [Problem]) {
    func place(_ problem: Problem) -> (String, Int) { (problem.location.path, problem.location.line ?? 0) }
    let sorted = problems.sorted { place($0) < place($1) }
    self.kind = kind
    self.problems = Array(sorted.prefix(Self.limit))
    self.omitted = sorted.count - self.problems.count
  }
}

extension ManifestError: CustomStringConvertible {
  /// One problem a line.
  public var description: String {
    (problems.map(\.description) + (omitted > 0 ? ["and \(omitted) more"] : [])).joined(separator: "\n")
  }
}
