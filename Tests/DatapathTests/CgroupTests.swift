import Glibc
import Testing

@testable import Kernel

@Suite("Where this process is among the cgroups")
struct CgroupTests {
  private static let host = "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
  /// In a container: first the node's tree, then the container's part of it.
  private static let container = """
    155 151 0:38 /../.. /host/cgroup ro,relatime - cgroup2 cgroup2 rw
    156 152 0:38 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw
    157 153 0:40 / /sys/fs/bpf rw - bpf bpf rw

    """

  @Test(
    "Its directory is where the mount shows the path of its v2 cgroup",
    arguments: [
      ("0::/system.slice/evenkeel.service\n", host, "/sys/fs/cgroup/system.slice/evenkeel.service"),
      ("0::/\n", host, "/sys/fs/cgroup"),
      ("0::/\n", container, "/sys/fs/cgroup"),
      ("12:memory:/docker/1\n0::/agent\n", container, "/sys/fs/cgroup/agent"),
      ("0::/a/b/c\n", "1 0 0:1 /a/b /my\\040tree rw - cgroup2 cgroup2 rw\n", "/my tree/c"),
      ("0::/a/b\n", "1 0 0:1 /a/b /tree rw - cgroup2 cgroup2 rw\n", "/tree"),
    ])
  func ownPath(cgroups: String, mounts: String, path: String) {
    #expect(FileSystem.ownCgroup(in: cgroups, mounts: mounts) == path)
  }

  @Test(
    "Where no mount shows it, there is none",
    arguments: [
      ("0::/\n", "155 151 0:38 /../.. /host/cgroup ro,relatime - cgroup2 cgroup2 rw\n"),
      ("0::/../x\n", host),
      ("0::/ab\n", "1 0 0:1 /a /tree rw - cgroup2 cgroup2 rw\n"),
      ("4:cpu:/x\n", host), ("", host), ("0::/\n", ""),
      ("0::/\n", "1 0 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"),
    ])
  func noPath(cgroups: String, mounts: String) {
    #expect(FileSystem.ownCgroup(in: cgroups, mounts: mounts) == nil)
  }

  @Test("Of those that killed processes have left, the ones that are empty and a minute old are removed")
  func abandoned() throws {
    let own = try TemporaryCgroup(below: Sandbox.cgroupMount(), name: "\(Sandbox.prefix)\(getpid())")
    let path = own.cgroup.path
    let names = ["left-old/inside", "left-old", "left-older", "left-young", "other"]
    defer { for name in names { rmdir("\(path)/\(name)") } }
    for name in names.reversed() { #expect(mkdir("\(path)/\(name)", 0o755) == 0) }
    for (name, age) in [("left-old", 3600), ("left-older", 61), ("left-young", 50), ("other", 3600)] {
      let then = timespec(tv_sec: time(nil) - age, tv_nsec: 0)
      #expect(utimensat(AT_FDCWD, "\(path)/\(name)", [then, then], 0) == 0)
    }
    try TemporaryCgroup.removeAbandoned(below: path, prefix: "left-")
    #expect(names.filter { !FileSystem.exists("\(path)/\($0)") } == ["left-older"], "one is not empty")
  }

  @Test("The root of all cgroups is nobody's own")
  func root() throws {
    let path = FileSystem.ownCgroup(
      in: try Machine.text(of: "/proc/self/cgroup"), mounts: try Machine.text(of: "/proc/self/mountinfo"))
    let isAtRoot = path == (try Sandbox.cgroupMount())
    do {
      let own = try Cgroup.own()
      #expect(!isAtRoot)
      #expect(own.path == path)
    } catch {
      #expect(isAtRoot, "\(error)")
      #expect("\(error)".contains("it is the root of all cgroups"))
    }
  }
}
