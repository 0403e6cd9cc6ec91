import Testing

@testable import CLI

@Suite("What flags take")
struct ArgumentTests {
  @Test(
    "A metrics address is an IP address and a port, also of IPv6 without brackets, as a pod spec's $(HOST_IP):9713",
    arguments: [
      ("127.0.0.1:9713", "127.0.0.1:9713"), ("0.0.0.0:1", "0.0.0.0:1"), ("[fd00::1]:9713", "[fd00::1]:9713"),
      ("fd00::1:9713", "[fd00::1]:9713"), (":::9713", "[::]:9713"), ("[::]:9713", "[::]:9713"),
    ])
  func metricsAddress(text: String, address: String) {
    #expect(MetricsAddressArgument(argument: text).map { "\($0.value)" } == address)
  }

  @Test(
    "Anything else is refused",
    arguments: [
      "", "9713", ":9713", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+1",
      "localhost:9713", "[127.0.0.1]:9713", "[fd00::1]", "[fd00::1:9713", "fd00::1]:9713", "$(HOST_IP):9713",
    ])
  func noMetricsAddress(text: String) {
    #expect(MetricsAddressArgument(argument: text) == nil)
  }
}
