/// A text that is not valid YAML, or more than is read.
public struct YAMLError: Error, Equatable {
  /// Where.
  public let mark: Mark
  /// What is wrong there: `did not find expected ',' or ']', while parsing a flow sequence that begins in line 3`.
  public let problem: String

  public init(_ mark: Mark, _ problem: String) {
    (self.mark, self.problem) = (mark, problem)
  }
}

extension YAMLError: CustomStringConvertible {
  public var description: String { "line \(mark.line): \(problem)" }
}
