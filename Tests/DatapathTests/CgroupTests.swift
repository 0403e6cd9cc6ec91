import Testing

@testable import Kernel

@Suite("Where this process is among the cgroups")
struct CgroupTests {
  @Test(
    "The path is that of v2, below what the namespace shows",
    arguments: [
      ("0::/\n", ""),
      ("0::/system.slice/evenkeel.service\n", "/system.slice/evenkeel.service"),
      ("12:memory:/docker/1\n1:name=systemd:/docker/1\n0::/pod/agent\n", "/pod/agent"),
      ("0::/../kubepods/pod1\n", nil),
      ("0::/..\n", nil),
      ("4:cpu:/x\n", nil),
      ("", nil),
    ])
  func ownPath(text: String, path: String?) {
    #expect(FileSystem.ownCgroup(in: text) == path)
  }

  @Test("The root of all cgroups is nobody's own")
  func root() throws {
    let mount = try Sandbox.cgroupMount()
    let isAtRoot = FileSystem.ownCgroup(in: try Machine.text(of: "/proc/self/cgroup")) == ""
    do {
      let own = try Cgroup.own()
      #expect(!isAtRoot)
      #expect(own.path.hasPrefix(mount) && own.path != mount)
    } catch {
      #expect(isAtRoot, "\(error)")
      #expect("\(error)".contains("it is the root of all cgroups"))
    }
  }
}
