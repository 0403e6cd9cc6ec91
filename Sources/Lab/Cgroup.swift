import SystemPackage

/// A control group (v2): the processes of a pod, of a node or of the whole lab.
public struct Cgroup: Sendable, Hashable {
  /// Its directory, below wherever cgroup v2 is mounted.
  public let path: String

  /// The root of the cgroup v2 tree. It is not always /sys/fs/cgroup: machines with v1 and v2 side by side mount v2
  /// elsewhere.
  static func root() throws(LabError) -> Cgroup {
    let mounts = SystemCalls.read("/proc/self/mounts") ?? ""
    guard let path = mountPoint(ofType: "cgroup2", in: mounts) else {
      throw .unsupported("no cgroup v2 file system is mounted: mount -t cgroup2 none <an empty directory>")
    }
    return Cgroup(path: path)
  }

  /// The first mount point of a type in the format of /proc/self/mounts (proc_pid_mounts(5)), as `findmnt -t` finds it.
  static func mountPoint(ofType type: String, in mounts: String) -> String? {
    for line in mounts.split(separator: "\n") {
      let fields = line.split(separator: " ")
      // The kernel writes the characters that would break the format in octal; of them only a space is likely in a
      // path.
      if fields.count > 2, fields[2] == type { return String(fields[1]).replacing("\\040", with: " ") }
    }
    return nil
  }

  func child(_ name: String) -> Cgroup { Cgroup(path: "\(path)/\(name)") }

  /// What comes before a command that is to run in the cgroup: a process that joins it, then becomes the command.
  var entering: [String] {
    ["sh", "-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"", path]
  }

  func make() throws(LabError) { try SystemCalls.makeDirectory(path) }

  /// The processor time of all that runs in it and below it, and of all that has ended there, in seconds (cpu.stat, which
  /// cgroup v2 has without any controller).
  ///
  /// - Throws: `LabError.refused` where the file does not say it.
  public func cpuSeconds() throws(LabError) -> Double {
    let file = "\(path)/cpu.stat"
    guard let seconds = Self.cpuSeconds(in: SystemCalls.read(file) ?? "") else {
      throw .refused("\(file) has no line 'usage_usec': this cgroup v2 does not count processor time")
    }
    return seconds
  }

  static func cpuSeconds(in stat: String) -> Double? {
    let line = stat.split(separator: "\n").first { $0.hasPrefix("usage_usec ") }
    return line.flatMap { Double($0.dropFirst("usage_usec ".count)) }.map { $0 / 1e6 }
  }

  /// A process that is not yet reaped does not count.
  private var isPopulated: Bool { (SystemCalls.read("\(path)/cgroup.events") ?? "").contains("populated 1") }

  /// Ends every process in it and below it, and removes it; does nothing where it does not exist.
  func remove() async throws {
    guard SystemCalls.exists(path) else { return }
    // Again and again, as a program that was just being started joins its cgroup when it likes, or fails to when that
    // has gone.
    try await eventually("the end of all processes in \(path)", within: .seconds(60)) {
      try SystemCalls.write("1", to: "\(path)/cgroup.kill")
      guard !isPopulated else { return false }
      do { try removeTree() } catch LabError.system(_, .resourceBusy) { return false }
      return true
    }
  }

  private func removeTree() throws(LabError) {
    for name in SystemCalls.names(in: path) where SystemCalls.isDirectory("\(path)/\(name)") {
      try child(name).removeTree()
    }
    try SystemCalls.removeDirectory(path)
  }
}
