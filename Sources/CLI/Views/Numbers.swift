internal import Balancing

/// `1 connection`, `3 connections`
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// With two digits after the point: `1.04`.
func hundredths(_ value: Double) -> String {
  guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
  let (whole, rest) = Int((value * 100).rounded()).quotientAndRemainder(dividingBy: 100)
  return "\(whole).\(rest < 10 ? "0" : "")\(rest)"
}

/// Whole seconds: `1h30m`, `12s`.
func age(_ seconds: Double) -> String {
  guard seconds.isFinite, (0..<1e12).contains(seconds) else { return "?" }
  return Duration.seconds(Int(seconds)).goText
}

/// As given, not rounded: `500ms`, `10m`.
func interval(_ seconds: Double) -> String { Duration.seconds(seconds).goText }

/// A number without a needless `.0`: `10`, `2.5`.
func plain(_ value: Double) -> String { Int(exactly: value).map { "\($0)" } ?? "\(value)" }

/// A share of 1 as a bar of up to ten blocks, to an eighth of a block, and its percentage.
func shareBar(_ share: Double) -> String {
  let (blocks, eighths) = Int((min(max(share, 0), 1) * 80).rounded()).quotientAndRemainder(dividingBy: 8)
  let bar = String(repeating: "█", count: blocks) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths]
  return bar + String(repeating: " ", count: 10 - bar.count) + " \(Int((share * 100).rounded()))%"
}
