import Balancing
import Glibc
import Testing

@Suite("IP addresses")
struct IPAddressTests {
  @Test(
    "every textual form of RFC 4291 §2.2 is read",
    arguments: [
      ("10.0.0.1", 0, 0xffff_0a00_0001),
      ("255.255.255.255", 0, 0xffff_ffff_ffff),
      ("::", 0, 0),
      ("::1", 0, 1),
      ("1::", 0x0001_0000_0000_0000, 0),
      ("2001:DB8:0:0:8:800:200C:417A", 0x2001_0db8_0000_0000, 0x0008_0800_200c_417a),
      ("2001:db8::8:800:200c:417a", 0x2001_0db8_0000_0000, 0x0008_0800_200c_417a),
      ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004, 0x0005_0006_0007_0000),
      ("::2:3:4:5:6:7:8", 0x0000_0002_0003_0004, 0x0005_0006_0007_0008),
      ("64:ff9b::192.0.2.33", 0x0064_ff9b_0000_0000, 0xc000_0221),
      ("1:2:3:4:5:6:1.2.3.4", 0x0001_0002_0003_0004, 0x0005_0006_0102_0304),
    ] as [(String, UInt64, UInt64)])
  func reading(text: String, high: UInt64, low: UInt64) {
    #expect(IPAddress(text) == IPAddress(high: high, low: low))
  }

  @Test(
    "what is no address is refused",
    arguments: [
      "", " ", "eighty", "10.0.0", "10.0.0.0.1", "10.0.0.256", "10.0.0.01", "10.0.0.-1", "10.0.0.+1", "10..0.1",
      "10.0.0.1 ", "0x0a.0.0.1", "10.0.0.١", ":", ":::", "1:::2", "::1::", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:",
      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2:3:4:5:6:7:8", "12345::", "g::", "::1%eth0", "[::1]", "1.2.3.4::",
      "::1.2.3", "::1.2.3.4.5", "1:2:3:4:5:6:7:1.2.3.4",
    ])
  func refusing(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test("an IPv4 address and its v4-mapped form are the same address")
  func mapped() throws {
    let address = try #require(IPAddress("::ffff:10.0.0.1"))
    #expect(address == IPAddress("10.0.0.1"))
    #expect(address == IPAddress("::ffff:a00:1"))
    #expect(address.family == .ipv4)
    #expect(address.description == "10.0.0.1")
  }

  @Test(
    "the family is IPv6 for all but v4-mapped addresses", arguments: ["::", "::1", "::10.0.0.1", "1::ffff:10.0.0.1"])
  func family(text: String) {
    #expect(IPAddress(text)?.family == .ipv6)
  }

  @Test(
    "an IPv6 address is written as RFC 5952 §4 says",
    arguments: [
      ("2001:0db8::0001", "2001:db8::1"),
      ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
      ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
      ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
      ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
      ("2001:DB8::ABCD", "2001:db8::abcd"),
      ("1:0:0:0:0:0:0:0", "1::"),
      ("0:0:0:0:0:0:0:0", "::"),
      ("0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"),
    ])
  func writing(text: String, canonical: String) {
    #expect(IPAddress(text)?.description == canonical)
  }

  @Test("the C library agrees on random texts: which are addresses, which ones, and how they are written")
  func differential() {
    var random = SystemRandomNumberGenerator()
    var read = 0
    for _ in 0..<5_000 {
      let text = randomText(&random)
      let ours = IPAddress(text)
      #expect(ours == addressByLibrary(text), "\(text)")
      guard let ours else { continue }
      read += 1
      #expect(IPAddress(ours.description) == ours, "\(text) is written \(ours)")
    }
    #expect(read > 500, "the texts must be addresses often enough to say something")
  }

  @Test("addresses are ordered as numbers")
  func order() {
    let sorted = ["::", "::1", "9.0.0.1", "10.0.0.1", "10.0.0.2", "fd00::1", "fd00::1:0"]
    #expect(sorted.compactMap { IPAddress($0) }.shuffled().sorted().map(\.description) == sorted)
  }

  /// Parts of addresses, put together at random.
  private func randomText(_ random: inout some RandomNumberGenerator) -> String {
    let pieces = ["0", "1", "00", "ab", "FFFF", "255", "256", "12345", "1.2.3.4", "x"]
    let separator = Bool.random(using: &random) ? ":" : "."
    let count = Int.random(in: 1...(separator == ":" ? 9 : 5), using: &random)
    // Mostly small pieces, or hardly any text would be an address.
    let chosen = (0..<count).map { _ in
      pieces[Int.random(in: 0..<(Int.random(in: 0..<4, using: &random) == 0 ? pieces.count : 4), using: &random)]
    }
    var text = chosen.joined(separator: separator)
    if Bool.random(using: &random), let place = text.indices.randomElement(using: &random) {
      text.insert(contentsOf: "::", at: place)
    }
    return text
  }

  private func addressByLibrary(_ text: String) -> IPAddress? {
    var ipv4 = in_addr()
    if inet_pton(AF_INET, text, &ipv4) == 1 {
      return IPAddress(high: 0, low: 0xffff << 32 | UInt64(UInt32(bigEndian: ipv4.s_addr)))
    }
    var ipv6 = [UInt8](repeating: 0, count: 16)
    guard inet_pton(AF_INET6, text, &ipv6) == 1 else { return nil }
    func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    return IPAddress(high: number(ipv6[..<8]), low: number(ipv6[8...]))
  }
}
