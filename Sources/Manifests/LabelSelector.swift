/// Chooses objects by their labels, written as for `kubectl --selector`: `a=b,c!=d,e in (x,y),f notin (z),g,!h`
/// (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors).
public struct LabelSelector: Sendable, Equatable {
  /// All must hold.
  let requirements: [Requirement]

  enum Requirement: Sendable, Equatable {
    case isOneOf(key: String, Set<String>)
    /// Also holds without such a label.
    case isNoneOf(key: String, Set<String>)
    case exists(key: String)
    case isAbsent(key: String)
  }

  public static let everything = LabelSelector(requirements: [])

  public func matches(_ labels: [String: String]) -> Bool {
    requirements.allSatisfy { requirement in
      switch requirement {
      case .isOneOf(let key, let values): labels[key].map(values.contains) ?? false
      case .isNoneOf(let key, let values): !(labels[key].map(values.contains) ?? false)
      case .exists(let key): labels[key] != nil
      case .isAbsent(let key): labels[key] == nil
      }
    }
  }
}

extension LabelSelector: CustomStringConvertible {
  /// As an API server reads it; empty for the one that selects everything.
  public var description: String { requirements.map(\.description).joined(separator: ",") }
}

extension LabelSelector.Requirement: CustomStringConvertible {
  var description: String {
    switch self {
    case .isOneOf(let key, let values): "\(key) in (\(values.sorted().joined(separator: ",")))"
    case .isNoneOf(let key, let values): "\(key) notin (\(values.sorted().joined(separator: ",")))"
    case .exists(let key): key
    case .isAbsent(let key): "!\(key)"
    }
  }
}

/// A text that is no label selector.
public struct LabelSelectorError: Error, Equatable, CustomStringConvertible {
  public let text: String
  /// Counted from 1.
  public let column: Int
  public let message: String

  /// `label selector "a=b,,c": expected a label's name at column 5`
  public var description: String { "label selector \"\(text)\": \(message) at column \(column)" }
}
