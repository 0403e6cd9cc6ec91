import Glibc

/// What a lab needs of the machine, looked at before anything is made.
enum Prerequisites {
  /// The commands, with the Debian package that holds each.
  private static let tools = [
    ("ip", "iproute2"), ("nsenter", "util-linux"), ("unshare", "util-linux"), ("mount", "mount"),
    ("iptables-restore", "iptables"), ("ip6tables-restore", "iptables"),
  ]

  static func check() throws(LabError) {
    guard geteuid() == 0 else {
      throw .unsupported("a lab makes network namespaces and cgroups, which needs root: run it with sudo")
    }
    for (tool, package) in tools where !isInstalled(tool) {
      throw .unsupported("the command `\(tool)` is missing: apt-get install \(package)")
    }
  }

  private static func isInstalled(_ tool: String) -> Bool {
    Command.searchPath.contains { access("\($0)/\(tool)", X_OK) == 0 }
  }
}
