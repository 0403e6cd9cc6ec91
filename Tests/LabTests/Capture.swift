import Foundation
import Lab
import Testing

/// A packet capture in a pod, to be read by a parser that is not ours.
struct Capture {
  let program: RunningProgram
  let pod: Pod
  let file: String

  static func start(in pod: Pod, file: String) async throws -> Capture {
    // Packets are whole (-s 0), in a buffer that holds some seconds of them (-B, in KiB), taken from it and written at
    // once (--immediate-mode, -U): what is in the buffer at the end is lost. That it listens it says on standard error.
    let program = try await pod.start([
      "tcpdump", "-i", "eth0", "-s", "0", "-B", "262144", "--immediate-mode", "-U", "-Z", "root", "-w", file, "tcp",
      "port",
      "\(grpcPort.targetPort)",
    ])
    try await eventually("the capture", within: .seconds(20)) { program.errorOutput.contains("listening on") }
    return Capture(program: program, pod: pod, file: file)
  }

  /// Ends the capture and has every server's byte stream read by an independent HTTP/2 parser.
  func finish(expecting goaways: UInt64) async throws {
    try await program.stop()
    #expect(program.errorOutput.contains("\n0 packets dropped by kernel"), "\(program.errorOutput)")
    let check = try await pod.start(Programs.python("pcap_check.py") + [file, "--port", "\(grpcPort.targetPort)"])
    let result = try Result.last(of: await check.output())
    #expect(result.failed == 0, "\(result.violations)")
    #expect(result.holes == 0)
    #expect(result.connections > 0)
    #expect(result.goaways >= 100)
    #expect(result.goaways <= goaways)
  }

  /// What `pcap_check.py` prints.
  struct Result: Decodable {
    var failed: Int
    var connections: Int
    var goaways: Int
    var violations: [String]
    var holes: Int

    static func last(of lines: [String]) throws -> Result {
      try JSONDecoder().decode(Result.self, from: Data(try #require(lines.last).utf8))
    }
  }
}
