import Lab
import Testing

@Suite("What is on the way of a request", .serialized)
struct RegressionTests {
  @Test("Small requests of spread and of tracked connections are at least 0.8 as many as those of direct ones")
  func ratio() async throws {
    try await withLab(kubeProxy: false) { lab in
      let bench = try await lab.start([Programs.lab, "bench", "--guard", "--agent", Programs.evenkeel])
      let output = await bench.output()
      #expect(try await bench.waitUntilExit() == .success, "\(output) \(bench.errorOutput)")
      #expect(output.count == 3, "a line each for direct, spread and tracked: \(output)")
    }
  }
}
