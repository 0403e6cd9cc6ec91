import Balancing
import Testing

@Suite("Durations as text")
struct DurationTextTests {
  @Test(
    "what Go and Kubernetes write is read",
    arguments: [
      ("0", .zero), ("0s", .zero), ("10m", .seconds(600)), ("1h30m", .seconds(5400)), ("1.5h", .seconds(5400)),
      ("90s", .seconds(90)), ("500ms", .milliseconds(500)), ("1m0.25s", .milliseconds(60_250)),
      ("3us", .microseconds(3)), ("3\u{b5}s", .microseconds(3)), ("3\u{3bc}s", .microseconds(3)),
      ("7ns", .nanoseconds(7)), ("876000h", .seconds(3_153_600_000)),
    ] as [(String, Duration)])
  func reading(text: String, duration: Duration) {
    #expect(Duration(goText: text) == duration)
  }

  @Test(
    "what is no duration is refused",
    arguments: [
      "", " ", "10", "m", "-1s", "+1s", "1 s", "1s ", "1d", "1.s", ".5s", "1.2.3s", "1e3s", "ten", "1h30", "00:10",
      "876001h", "1٠s", String(repeating: "9", count: 400) + "h",
    ])
  func refusing(text: String) {
    #expect(Duration(goText: text) == nil)
  }

  @Test(
    "they are written in short",
    arguments: [
      (.zero, "0s"), (.seconds(-5), "0s"), (.seconds(90), "1m30s"), (.seconds(5400), "1h30m"), (.seconds(3600), "1h"),
      (.seconds(36_001), "10h1s"), (.seconds(10), "10s"), (.milliseconds(500), "500ms"), (.milliseconds(1050), "1.05s"),
      (.microseconds(1500), "1.5ms"), (.microseconds(20), "20\u{b5}s"), (.nanoseconds(1), "1ns"),
      (.nanoseconds(100), "100ns"), (.seconds(3600) + .nanoseconds(1), "1h0.000000001s"),
      (Duration(secondsComponent: 0, attosecondsComponent: 1), "0s"),
    ] as [(Duration, String)])
  func writing(duration: Duration, text: String) {
    #expect(duration.goText == text)
  }

  @Test("what is written is read as the same, to the nanosecond")
  func roundTrip() {
    for exponent in 0..<50 {
      let duration = Duration.nanoseconds(Int64.random(in: 0...(1 << exponent)))
      #expect(Duration(goText: duration.goText) == duration, "\(duration.goText)")
    }
  }

  @Test("in seconds they are what they are", arguments: [(Duration.milliseconds(1500), 1.5), (.zero, 0)])
  func seconds(duration: Duration, seconds: Double) {
    #expect(duration.seconds == seconds)
  }
}
