import CNamespaces
import Glibc

/// A network namespace without a name, in which sockets can be made: to the data path, a pod. It ends with the process.
struct NetworkNamespace {
  private let file: CInt

  init() throws {
    let home = try Self.current()
    defer { close(home) }
    try system("unshare", unshare(CInt(NEW_NETWORK_NAMESPACE)))
    file = try Self.current()
    try Self.enter(home)
  }

  /// What `ip` calls it.
  var path: String { "/proc/\(getpid())/fd/\(file)" }

  /// Runs something whose sockets and child processes belong into the namespace.
  func run<Result>(_ body: () throws -> Result) throws -> Result {
    let home = try Self.current()
    defer { close(home) }
    try Self.enter(file)
    let result = Swift.Result { try body() }
    try Self.enter(home)
    return try result.get()
  }

  private static func current() throws -> CInt {
    try system("open a network namespace", open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC))
  }

  private static func enter(_ file: CInt) throws {
    try system("setns", setns(file, CInt(NEW_NETWORK_NAMESPACE)))
  }

  /// Pods that reach the sandbox's addresses, and through it nothing else, over a bridge: 172.20.0.11 and fd01::11, and
  /// so on.
  static func clients(_ count: Int) throws -> [NetworkNamespace] {
    try ip(
      "link add br0 type bridge", "addr add 172.20.0.1/24 dev br0", "addr add fd01::1/64 dev br0 nodad",
      "link set br0 up")
    return try (11..<11 + count).map { number in
      let pod = try NetworkNamespace()
      try ip(
        "link add pod\(number) type veth peer name eth0 netns \(pod.path)", "link set pod\(number) master br0 up")
      try pod.run {
        try ip(
          "addr add 172.20.0.\(number)/24 dev eth0", "addr add fd01::\(number)/64 dev eth0 nodad", "link set eth0 up",
          "route add default via 172.20.0.1", "route add default via fd01::1")
      }
      return pod
    }
  }
}
