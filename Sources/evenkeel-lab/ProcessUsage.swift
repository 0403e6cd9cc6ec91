import Glibc
import Lab
import SystemPackage

/// What a program has taken (proc_pid_stat(5), proc_pid_status(5)).
struct ProcessUsage {
  /// User and system time.
  let cpuSeconds: Double
  let residentMegabytes: Double
  /// The most that it ever had.
  let peakMegabytes: Double

  init(of program: RunningProgram) throws {
    let stat = try Self.contents(of: "/proc/\(program.processIdentifier)/stat")
    // The program's name, in parentheses, may hold anything; after it come the fields from the third on.
    let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
    let ticks = fields.count > 13 ? (Double(fields[12]) ?? .nan) + (Double(fields[13]) ?? .nan) : .nan
    let status = try Self.contents(of: "/proc/\(program.processIdentifier)/status").split(separator: "\n")
    func megabytes(_ name: String) -> Double {
      let line = status.first { $0.hasPrefix("\(name):") }
      return (line.flatMap { Double($0.split(whereSeparator: \.isWhitespace)[1]) } ?? .nan) / 1024
    }
    cpuSeconds = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    residentMegabytes = megabytes("VmRSS")
    peakMegabytes = megabytes("VmHWM")
  }

  private static func contents(of path: String) throws -> String {
    let file = try FileDescriptor.open(FilePath(path), .readOnly)
    return try file.closeAfter {
      try withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { buffer in
        let count = try file.read(into: buffer)
        return String(decoding: buffer[..<count], as: UTF8.self)
      }
    }
  }
}
