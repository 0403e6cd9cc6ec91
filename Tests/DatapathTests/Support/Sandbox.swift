import CNamespaces
import Glibc
import Kernel
import SystemPackage
import Testing

/// Runs a test in a place of its own on the real kernel: a cgroup for its sockets, to which programs are attached; a
/// network that has no way out, in which 10.0.0.0/8 and fd00::/16 are the machine's own; and mounts that nobody else
/// sees.
///
/// To be called in a process of the test's own (an exit test): it never leaves its namespaces, and they end with it.
func inSandbox(_ body: (borrowing Cgroup) throws -> Void) {
  Sandbox.explainingIssues {
    let mount = try Sandbox.cgroupMount()
    try Sandbox.removeAbandoned(below: mount)
    let own = try TemporaryCgroup(below: mount, name: "\(Sandbox.prefix)\(getpid())")
    try own.add(process: getpid())
    let result = Result {
      try Sandbox.enterNamespaces()
      try Sandbox.raiseDescriptorLimit()
      try body(own.cgroup)
    }
    try Sandbox.write("\(getpid())", to: "\(mount)/cgroup.procs")  // for a cgroup with processes cannot be removed
    _ = consume own
    try result.get()
  }
}

/// What a test needs and does not get.
struct SandboxError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

enum Sandbox {
  /// A cgroup's name goes on with the number of the process that it is for.
  static let prefix = "evenkeel-test-"

  /// Removes the cgroups of tests that were killed, with all that is left in them.
  fileprivate static func removeAbandoned(below mount: String) throws {
    for name in try FileSystem.names(in: mount) where name.hasPrefix(prefix) {
      guard let process = pid_t(name.dropFirst(prefix.count)), kill(process, 0) != 0, errno == ESRCH else { continue }
      try? write("1", to: "\(mount)/\(name)/cgroup.kill")
      // A cgroup that another test has just removed is as welcome.
      _ = eventually { rmdir("\(mount)/\(name)") == 0 || errno == ENOENT }
    }
  }

  /// Of an expectation that fails, an exit test tells its parent no more than that, and its error output goes nowhere:
  /// the rest is said on the parent's.
  fileprivate static func explainingIssues(_ body: () throws -> Void) {
    shareErrorOutput()
    withKnownIssue(isIntermittent: true) {
      do {
        try body()
      } catch is ExpectationFailedError {  // is recorded already
      } catch { Issue.record(error) }
    } matching: { issue in
      let place = issue.sourceLocation.map { "\($0.fileName):\($0.line): " } ?? ""
      _ = try? FileDescriptor.standardError.writeAll("\(place)\(issue)\n".utf8)
      return false  // it is not known, and fails the test
    }
  }

  private static func shareErrorOutput() {
    let output = open("/proc/\(getppid())/fd/2", O_WRONLY | O_APPEND)
    if output >= 0 { dup2(output, STDERR_FILENO) }
    close(output)
  }

  /// Where cgroups can be made.
  static func cgroupMount() throws -> String {
    guard geteuid() == 0 else {
      throw SandboxError("this test needs root: it makes cgroups and namespaces, and loads BPF programs")
    }
    guard let mount = FileSystem.cgroupMount(in: try Machine.text(of: "/proc/self/mounts")) else {
      throw SandboxError("this test needs a cgroup v2 file system, and none is mounted")
    }
    return mount
  }

  fileprivate static func enterNamespaces() throws {
    try system("unshare", unshare(CInt(NEW_NETWORK_NAMESPACE | NEW_MOUNT_NAMESPACE)))
    try system("make mounts private", mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil))
    try write("1", to: "/proc/sys/net/ipv6/ip_nonlocal_bind")
    try ip("link set lo up", "route add local 10.0.0.0/8 dev lo", "route add local fd00::/16 dev lo")
  }

  /// Tests hold thousands of sockets open.
  fileprivate static func raiseDescriptorLimit() throws {
    var limit = rlimit(rlim_cur: 16_384, rlim_max: 16_384)
    try system("raise the limit of descriptors", setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
  }

  fileprivate static func write(_ text: String, to path: String) throws {
    let file = try FileDescriptor.open(path, .writeOnly)
    _ = try file.closeAfter { try file.writeAll(text.utf8) }
  }
}

/// The one place where -1 of a system call becomes an error.
@discardableResult
func system(_ operation: String, _ result: CInt) throws -> CInt {
  guard result >= 0 else { throw SandboxError("\(operation): \(Errno(rawValue: errno))") }
  return result
}

/// Whether something comes true soon: what the kernel does a moment later is waited for, and no longer than needed.
func eventually(within limit: Duration = .seconds(5), _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = timeSinceBoot() + limit
  while timeSinceBoot() < deadline {
    if try condition() { return true }
    usleep(500)
  }
  return try condition()
}
