/// An IPv4 or IPv6 address, held as IPv6: an IPv4 address is its v4-mapped form `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2).
///
/// One representation serves both families everywhere: the keys of BPF maps hold the same 16 bytes.
public struct IPAddress: Hashable, Sendable {
  /// The first and the last eight of the 16 bytes, as numbers in network order.
  public let high: UInt64, low: UInt64

  public init(high: UInt64, low: UInt64) {
    (self.high, self.low) = (high, low)
  }

  public enum Family: String, Sendable, CaseIterable {
    case ipv4 = "IPv4"
    case ipv6 = "IPv6"
  }

  public var family: Family { high == 0 && low >> 32 == 0xffff ? .ipv4 : .ipv6 }

  /// Reads dotted IPv4 or any textual form of IPv6 (RFC 4291 §2.2), without zone; nil if it is neither.
  ///
  /// Leading zeros in IPv4 are refused, as Kubernetes does: tools disagree on whether they mean octal.
  public init?(_ text: some StringProtocol) {
    let text = Substring(text)
    if let ipv4 = Self.dotted(text) {
      self.init(high: 0, low: 0xffff << 32 | UInt64(ipv4))
      return
    }
    guard let groups = Self.groups(text) else { return nil }
    func joined(_ part: ArraySlice<UInt16>) -> UInt64 { part.reduce(0) { $0 << 16 | UInt64($1) } }
    self.init(high: joined(groups[..<4]), low: joined(groups[4...]))
  }

  private static func dotted(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var address: UInt32 = 0
    for part in parts {
      guard let byte = number(part, radix: 10, digits: 3), byte <= 255, part.count == 1 || part.first != "0" else {
        return nil
      }
      address = address << 8 | byte
    }
    return address
  }

  /// The eight groups of an IPv6 address.
  private static func groups(_ text: Substring) -> [UInt16]? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count >= 3 else { return nil }
    var before: [UInt16] = []
    var after: [UInt16]?  // the groups after "::", once it was seen
    for (index, part) in parts.enumerated() {
      let isEdge = index == 0 || index == parts.count - 1
      var found: [UInt16] = []
      if part.isEmpty {
        // "::" is one empty part inside the text, and two where it begins or ends it.
        if isEdge {
          guard index == 0 ? parts[1].isEmpty : parts[index - 1].isEmpty else { return nil }
          if index == 0 || after != nil { continue }
        }
        guard after == nil else { return nil }
        after = []
        continue
      } else if index == parts.count - 1, let ipv4 = dotted(part) {
        found = [UInt16(ipv4 >> 16), UInt16(truncatingIfNeeded: ipv4)]
      } else if let group = number(part, radix: 16, digits: 4) {
        found = [UInt16(group)]
      } else {
        return nil
      }
      if after == nil { before += found } else { after? += found }
    }
    guard let after else { return before.count == 8 ? before : nil }
    let missing = 8 - before.count - after.count
    return missing >= 1 ? before + Array(repeating: 0, count: missing) + after : nil
  }

  private static func number(_ text: Substring, radix: Int, digits: Int) -> UInt32? {
    guard (1...digits).contains(text.utf8.count), text.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
    return UInt32(text, radix: radix)
  }
}

extension IPAddress: CustomStringConvertible {
  /// Dotted IPv4, or IPv6 as RFC 5952 writes it.
  public var description: String {
    if family == .ipv4 {
      return stride(from: 24, through: 0, by: -8).map { String(UInt8(truncatingIfNeeded: low >> $0)) }
        .joined(separator: ".")
    }
    let groups = [high, low].flatMap { half in
      stride(from: 48, through: 0, by: -16).map { UInt16(truncatingIfNeeded: half >> $0) }
    }
    func text(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
    guard let zeros = longestRunOfZeros(in: groups) else { return text(groups[...]) }
    return text(groups[..<zeros.lowerBound]) + "::" + text(groups[zeros.upperBound...])
  }

  /// The first of the longest runs of two or more zero groups (RFC 5952 §4.2).
  private func longestRunOfZeros(in groups: [UInt16]) -> Range<Int>? {
    var longest: Range<Int>?
    var start = 0
    while start < groups.count {
      let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
      if end - start >= 2, end - start > longest?.count ?? 0 { longest = start..<end }
      start = end + 1
    }
    return longest
  }
}

extension IPAddress: Comparable {
  public static func < (a: IPAddress, b: IPAddress) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

/// An address and a TCP port: of a Service, an endpoint or a peer.
public struct SocketAddress: Hashable, Sendable {
  public let ip: IPAddress
  public let port: UInt16

  public init(ip: IPAddress, port: UInt16) {
    (self.ip, self.port) = (ip, port)
  }

  /// Reads `10.0.0.1:80` or `[fd00::1]:80`; nil if it is neither, or the port is 0 or has a sign or leading zeros.
  public init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard let port = UInt16(digits), port > 0, String(port) == digits else { return nil }
    var host = text[..<colon]
    let bracketed = host.first == "[" && host.last == "]" && host.count > 2
    if bracketed { host = host.dropFirst().dropLast() }
    guard let ip = IPAddress(host), bracketed == (host.contains(":")) else { return nil }
    self.init(ip: ip, port: port)
  }
}

extension SocketAddress: CustomStringConvertible, Comparable {
  public var description: String { ip.family == .ipv4 ? "\(ip):\(port)" : "[\(ip)]:\(port)" }

  public static func < (a: SocketAddress, b: SocketAddress) -> Bool { (a.ip, a.port) < (b.ip, b.port) }
}
