extension Duration {
  /// Reads a duration as Go and Kubernetes write it: `500ms`, `90s`, `1h30m`, `1.5h`, `0`; nil if it is none, negative,
  /// or longer than 100 years.
  public init?(goText text: String) {
    if text == "0" {
      self = .zero
      return
    }
    var rest = text[...]
    var total = 0.0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
      guard let value = Double(digits), digits.first != ".", digits.last != "." else { return nil }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
      guard let seconds = Self.secondsPerUnit[String(unit)] else { return nil }
      rest = rest.dropFirst(unit.count)
      total += value * seconds
    }
    guard total <= 100 * 365 * 86_400 else { return nil }
    self = .nanoseconds(Int64((total * 1e9).rounded()))
  }

  /// The micro sign and the Greek letter look the same: Go reads both.
  private static let secondsPerUnit = [
    "ns": 1e-9, "us": 1e-6, "\u{b5}s": 1e-6, "\u{3bc}s": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600,
  ]

  /// The same in short, to the nanosecond: `1h30m`, `90s` as `1m30s`, `500ms`; `0s` for zero and less.
  public var goText: String {
    let (seconds, attoseconds) = components
    let nanoseconds = attoseconds / 1_000_000_000
    guard seconds > 0 || nanoseconds > 0 else { return "0s" }
    if seconds == 0 {
      if nanoseconds < 1_000 { return "\(nanoseconds)ns" }
      if nanoseconds < 1_000_000 { return "\(Self.decimal(nanoseconds, places: 3))\u{b5}s" }
      return "\(Self.decimal(nanoseconds, places: 6))ms"
    }
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m")].filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }
    let last = seconds % 60 * 1_000_000_000 + nanoseconds
    return parts.joined() + (last > 0 ? "\(Self.decimal(last, places: 9))s" : "")
  }

  /// `value` divided by 10 to the power of `places`, without trailing zeros.
  private static func decimal(_ value: Int64, places: Int) -> String {
    let digits = String(value)
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    var fraction = padded.suffix(places)
    while fraction.last == "0" { fraction.removeLast() }
    return padded.dropLast(places) + (fraction.isEmpty ? "" : ".") + fraction
  }

  /// In seconds, for JSON and metrics.
  public var seconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) / 1e18
  }
}
