import Balancing
import Testing

@Suite("Socket addresses")
struct SocketAddressTests {
  @Test("they are written as they are read", arguments: ["10.0.0.1:80", "[fd00::1]:50051", "[::]:1", "0.0.0.0:65535"])
  func roundTrip(text: String) {
    #expect(SocketAddress(text)?.description == text)
  }

  @Test("a v4-mapped address is written as IPv4")
  func mapped() {
    #expect(SocketAddress("[::ffff:10.0.0.1]:80")?.description == "10.0.0.1:80")
  }

  @Test(
    "what is no address and port is refused",
    arguments: [
      "", ":", "10.0.0.1", "10.0.0.1:", ":80", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:+80", "10.0.0.1:-1",
      "10.0.0.1:080", "10.0.0.1:80 ", "10.0.0.1:http", "fd00::1:80", "[fd00::1]", "[fd00::1]80", "[10.0.0.1]:80",
      "[]:80", "[fd00::1:80", "localhost:80",
    ])
  func refusing(text: String) {
    #expect(SocketAddress(text) == nil)
  }

  @Test("they are ordered by address, then port")
  func order() {
    let sorted = ["10.0.0.1:80", "10.0.0.1:443", "10.0.0.2:1", "[fd00::1]:1"]
    #expect(sorted.compactMap { SocketAddress($0) }.shuffled().sorted().map(\.description) == sorted)
  }
}
