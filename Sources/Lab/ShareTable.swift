/// A table of pods for a terminal or a log: who answers how much of the load.
public struct ShareTable: Sendable {
  /// Columns of the bar of a pod that answers everything.
  private static let barWidth = 40

  public var pods: [String]
  /// Requests lately, and the seconds that "lately" is.
  public var recent: [String: Int]
  public var seconds: Double
  /// Requests since the beginning.
  public var totals: [String: Int]

  public init(pods: [String], recent: [String: Int], seconds: Double, totals: [String: Int]) {
    (self.pods, self.recent, self.seconds, self.totals) = (pods, recent, seconds, totals)
  }

  /// A heading and a line for each pod, all of the same width.
  public var lines: [String] {
    let nameWidth = max(pods.map(\.count).max() ?? 0, "pod".count)
    let heading = "  " + "pod".padded(to: nameWidth) + "  " + "share of the requests".padded(to: Self.barWidth)
    let shares = Spread(recent, over: pods).shares
    return [heading + "          per s      total"]
      + zip(pods, shares).map { pod, share in
        let rate = seconds > 0 ? Double(recent[pod] ?? 0) / seconds : 0
        return "  " + pod.padded(to: nameWidth) + "  " + bar(share) + " "
          + "\(Int((share * 100).rounded())) %".leftPadded(to: 5)
          + "\(Int(rate.rounded()))".leftPadded(to: 9) + "\(totals[pod] ?? 0)".leftPadded(to: 11)
      }
  }

  private func bar(_ share: Double) -> String {
    let length = Int((share * Double(Self.barWidth)).rounded())
    return String(repeating: "█", count: length).padded(to: Self.barWidth)
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

  fileprivate func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
