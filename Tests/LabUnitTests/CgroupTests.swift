import Testing

@testable import Lab

@Suite("Finding cgroup v2")
struct CgroupTests {
  @Test(
    "It is where it is mounted",
    arguments: [
      ("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n", "/sys/fs/cgroup"),
      ("proc /proc proc rw 0 0\ncgroup /sys/cpu cgroup rw 0 0\nnone /mnt/a\\040b cgroup2 rw 0 0\n", "/mnt/a b"),
      ("cgroup2 /first cgroup2 rw 0 0\ncgroup2 /second cgroup2 rw 0 0\n", "/first"),
    ])
  func found(mounts: String, path: String) {
    #expect(Cgroup.mountPoint(ofType: "cgroup2", in: mounts) == path)
  }

  @Test("Version 1 is none, and neither is another file system with its name")
  func absent() {
    let mounts = "cgroup2 /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ntmpfs /cgroup2 tmpfs rw 0 0\n"
    #expect(Cgroup.mountPoint(ofType: "cgroup2", in: mounts) == nil)
    #expect(Cgroup.mountPoint(ofType: "cgroup2", in: "") == nil)
  }
}

@Suite("Processor time of a cgroup")
struct CgroupTimeTests {
  @Test("It is what cpu.stat calls usage_usec, in seconds; a text without it has none")
  func cpuSeconds() {
    #expect(Cgroup.cpuSeconds(in: "usage_usec 1500000\nuser_usec 1\nsystem_usec 2\n") == 1.5)
    #expect(Cgroup.cpuSeconds(in: "user_usec 1\n") == nil)
    #expect(Cgroup.cpuSeconds(in: "") == nil)
  }
}
