import Yams

// Where and what, without the excerpt that Yams adds: these errors are one line each.
extension YamlError {
  func location(in source: String) -> Location {
    Location(path: source, line: line)
  }

  private var line: Int? {
    switch self {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
    case .duplicatedKeysInMapping(_, let context): context.mark.line
    case .reader(_, let offset, _, let yaml): offset.map { yaml.prefix($0).count(where: \.isNewline) + 1 }
    default: nil
    }
  }

  var message: String {
    switch self {
    case .scanner(let context, let problem, _, _), .parser(let context, let problem, _, _),
      .composer(let context, let problem, _, _):
      let place = context.map { ", \($0.text) that begins in line \($0.mark.line)" } ?? ""
      return "not valid YAML: \(problem)\(place)"
    case .reader(let problem, _, _, _):
      return "not valid YAML: \(problem)"
    case .duplicatedKeysInMapping(let names, _):
      return "not valid YAML: \(names.map { "\"\($0)\"" }.joined(separator: ", ")) stands here twice"
    default:
      return "not valid YAML: \(self)"
    }
  }
}
