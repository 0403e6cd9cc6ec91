/// A network namespace as `ip netns` keeps it: a name, and a file in /run/netns that keeps it alive.
public struct NetworkNamespace: Sendable, Hashable {
  public let name: String

  static let directory = "/run/netns"

  public var path: String { "\(Self.directory)/\(name)" }

  static func add(_ namespaces: [NetworkNamespace]) async throws {
    try await batch("add", namespaces)
  }

  static func delete(_ namespaces: [NetworkNamespace]) async throws {
    try await batch("delete", namespaces)
  }

  private static func batch(_ verb: String, _ namespaces: [NetworkNamespace]) async throws {
    guard !namespaces.isEmpty else { return }
    try await Command.run(["ip", "-batch", "-"], input: namespaces.map { "netns \(verb) \($0.name)\n" }.joined())
  }

  /// What comes before a command that is to run in the namespace.
  ///
  /// Not `ip netns exec`: that mounts a fresh /sys, in which the cgroup and bpf file systems are missing.
  var entering: [String] { ["nsenter", "--net=\(path)", "--"] }

  /// Writes settings, given as `ipv4/ip_forward=1` below /proc/sys/net, then runs `ip` commands.
  ///
  /// One process for both: a lab of many pods stands in the time that it takes to start a few dozen of them.
  func configure(settings: [String] = [], commands: [String]) async throws {
    let script = """
      for setting in $0; do
        file=/proc/sys/net/${setting%%=*}
        test ! -e "$file" || echo "${setting#*=}" > "$file"
      done
      exec "$@"
      """
    try await Command.run(
      ["ip", "-batch", "-"], entering: entering + ["sh", "-ec", script, settings.joined(separator: " ")],
      input: commands.map { $0 + "\n" }.joined())
  }
}
