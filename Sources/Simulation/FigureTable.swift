internal import Balancing

/// A table for a terminal or a log: a line for each setting.
public struct FigureTable: Sendable {
  /// What stands above a column, in two lines, and its width.
  private static let columns: [(String, String, width: Int)] = [
    ("busiest", "/ mean", 9), ("95th", "pctile", 7), ("idlest", "/ mean", 8), ("reconnects", "a second", 12),
    ("worst in", "aging", 11), ("a second:", "scale-up", 11), ("", "rollout", 9), ("moves in", "rollout", 10),
    ("added pods", "at 80 %", 12),
    ("all within", "20 %", 12), ("", "cut", 8),
  ]
  private static let nameWidth = 34

  public init() {}

  /// Two lines for one comparison.
  public func heading(_ title: String) -> [String] {
    [
      "".padded(to: Self.nameWidth) + Self.columns.map { $0.0.leftPadded(to: $0.width) }.joined(),
      title.padded(to: Self.nameWidth) + Self.columns.map { $0.1.leftPadded(to: $0.width) }.joined(),
    ]
  }

  /// The line of one setting.
  public func line(_ setting: Setting, _ figures: Figures) -> String {
    let cells = [
      figures.busiest.fixed(2), figures.percentile95.fixed(2), figures.idlest.fixed(2), figures.reconnects.fixed(1),
      "\(figures.worstSecondOfAging)", "\(figures.worstSecondOfScaleUp)", "\(figures.worstSecondOfRollout)",
      figures.movesOfRollout.fixed(2), text(figures.secondsUntilShared), text(figures.secondsUntilEven),
      "\(figures.cut)",
    ]
    return ("  " + setting.name).padded(to: Self.nameWidth)
      + zip(cells, Self.columns).map { $0.leftPadded(to: $1.width) }.joined()
  }

  private func text(_ seconds: Int?) -> String { seconds.map { Duration.seconds($0).goText } ?? "never" }
}

extension Scenario {
  /// In one sentence what is simulated.
  public var summary: String {
    let added = podsAfterScaleUp > pods ? ", \(podsAfterScaleUp) from \(scaleUp.goText) on" : ""
    let streams = streamingPercent > 0 ? ", \(streamingPercent.short) % on streams of \(streamLength.goText)" : ""
    return "\(clients) clients (\(profile.rawValue) load\(streams)), \(nodes) nodes, \(services) "
      + "Service\(services == 1 ? "" : "s"), \(pods) pods\(added), all replaced from \(rollout.goText) on"
  }
}
