import Balancing

/// What a Service's annotations choose for it. A bad value is a warning, and the default stays in force: traffic goes on.
struct Annotations {
  private(set) var mode = Mode.balance
  private(set) var policy: Policy?
  private(set) var drainInterval: Duration?
  private(set) var warnings: [String] = []

  private static let prefix = "evenkeel.io/"
  private static let names = ["mode", "policy", "drain-interval"]

  /// Whether an annotation is one of these, or was meant to be.
  static func areMeant(by name: String) -> Bool { name.hasPrefix(prefix) }

  init(of service: Service) {
    for (key, value) in service.metadata.annotations.sorted(by: { $0.key < $1.key }) where Self.areMeant(by: key) {
      guard let problem = read(String(key.dropFirst(Self.prefix.count)), value) else { continue }
      warnings.append("Service \(service.name): annotation \(key): \(problem)")
    }
  }

  /// What is wrong with an annotation, if anything.
  private mutating func read(_ name: String, _ value: String) -> String? {
    switch name {
    case "mode":
      guard let mode = Mode(rawValue: value) else {
        return "expected \(Mode.alternatives), found \"\(value)\"; \(Mode.balance.rawValue) is in force"
      }
      self.mode = mode
    case "policy":
      guard let policy = Policy(rawValue: value) else {
        return "expected \(Policy.alternatives), found \"\(value)\"; the agent's --policy is in force"
      }
      self.policy = policy
    case "drain-interval":
      guard let interval = Duration(goText: value) else {
        return "expected a duration such as 90s, 10m or 1h30m (0s: never), found \"\(value)\"; "
          + "the agent's --drain-interval is in force"
      }
      drainInterval = interval
    default:
      let hint = nearestName(to: name, among: Self.names).map { "; did you mean \(Self.prefix)\($0)?" } ?? ""
      return "no such annotation\(hint)"
    }
    return nil
  }
}
