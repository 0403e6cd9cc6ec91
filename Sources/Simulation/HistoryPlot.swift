internal import Balancing
internal import Glibc

/// A picture of comparisons: for each, how even the load was over time, and how many connections were made.
///
/// One SVG file that needs nothing else: no scripts, no fonts. Its colours follow the reader's choice of light or dark.
public struct HistoryPlot: Sendable {
  private let scenario: Scenario
  private let comparisons: [(comparison: Comparison, histories: [History])]

  // All in the units of the view box, which are pixels at its natural size.
  private static let width = 1000.0
  private static let top = 70.0
  private static let rowHeight = 270.0
  private static let panel = (top: 74.0, width: 410.0, height: 150.0)
  /// A panel's points: each stands for as many seconds as come to it.
  private static let points = 205

  /// Told apart by people with any kind of colour vision, on white and on black (Okabe and Ito 2008).
  private static let colors = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999"]

  /// Each comparison comes with a history for each of its settings.
  public init(_ scenario: Scenario, _ comparisons: [(comparison: Comparison, histories: [History])]) {
    (self.scenario, self.comparisons) = (scenario, comparisons)
  }

  public var svg: String {
    let height = Self.top + Self.rowHeight * Double(comparisons.count)
    let rows = comparisons.enumerated().flatMap { number, row in
      self.row(row.comparison, row.histories, top: Self.top + Self.rowHeight * Double(number))
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.width.short) \(height.short)" role="img">
      <title>Simulation of a cluster</title>
      <desc>\(scenario.summary)</desc>
      <style>
      svg { color-scheme: light dark; font: 12px system-ui, sans-serif; }
      .paper { fill: #ffffff; }
      text { fill: #1f2328; }
      .grid, .event { stroke: #1f2328; stroke-opacity: 0.18; fill: none; }
      .event { stroke-opacity: 0.7; stroke-dasharray: 4 3; }
      .series { fill: none; stroke-width: 1.4; stroke-linejoin: round; }
      @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117; }
      text { fill: #e6edf3; }
      .grid, .event { stroke: #e6edf3; }
      }
      </style>
      <rect class="paper" width="100%" height="100%"/>
      <text x="50" y="28" font-size="18">Simulation of a cluster</text>
      <text x="50" y="48">\(scenario.summary)</text>
      \(rows.joined(separator: "\n"))
      </svg>

      """
  }

  private func row(_ comparison: Comparison, _ histories: [History], top: Double) -> [String] {
    let busiest = Panel(
      title: "busiest pod, times the mean", left: 50, top: top + Self.panel.top, scale: .linear,
      series: histories.map { points($0) { $0.map(\.busiest).reduce(0, +) / Double($0.count) } })
    let reconnects = Panel(
      title: "reconnects a second, the worst ones", left: 550, top: top + Self.panel.top, scale: .logarithmic,
      series: histories.map { points($0) { Double($0.map(\.reconnects).max() ?? 0) } })
    let heading = """
      <text x="50" y="\((top + 16).short)" font-size="15" font-weight="600">\(Self.escaped(comparison.title))</text>
      """
    return [heading] + legend(comparison, top: top + 38) + draw(busiest) + draw(reconnects)
  }

  private func legend(_ comparison: Comparison, top: Double) -> [String] {
    let step = 910 / Double(max(comparison.settings.count, 1))
    return comparison.settings.enumerated().map { number, setting in
      let x = 50 + step * Double(number)
      return """
        <rect x="\(x.short)" y="\((top - 10).short)" width="10" height="10" fill="\(color(number))"/>\
        <text x="\((x + 15).short)" y="\(top.short)">\(Self.escaped(setting.name))</text>
        """
    }
  }

  private func points(_ history: History, _ value: (ArraySlice<History.Sample>) -> Double) -> [Double] {
    let samples = history.samples
    return (0..<Self.points).compactMap { point in
      let range = samples.count * point / Self.points..<samples.count * (point + 1) / Self.points
      return range.isEmpty ? nil : value(samples[range])
    }
  }

  private func color(_ number: Int) -> String { Self.colors[number % Self.colors.count] }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}

// MARK: - One panel

extension HistoryPlot {
  private struct Panel {
    let title: String
    let left: Double
    let top: Double
    let scale: Scale
    let series: [[Double]]

    enum Scale {
      /// From 1 on.
      case linear
      /// From 0 on, where 0 is as far from 1 as 1 is from 3.
      case logarithmic
    }

    var most: Double { max(series.joined().max() ?? 0, 1.5) }

    var levels: [Double] {
      switch scale {
      case .linear:
        let step = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50].first { (most - 1) / $0 <= 5 } ?? 100
        return Array(stride(from: 1, through: most, by: step))
      case .logarithmic: return [0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000].filter { $0 <= most }
      }
    }

    func y(_ value: Double) -> Double {
      let part =
        switch scale {
        case .linear: (value - 1) / (most - 1)
        case .logarithmic: log(1 + value) / log(1 + most)
        }
      return top + HistoryPlot.panel.height * (1 - part)
    }

    func x(_ part: Double) -> Double { left + HistoryPlot.panel.width * part }
  }

  private func draw(_ panel: Panel) -> [String] {
    let title = "<text x=\"\(panel.left.short)\" y=\"\((panel.top - 12).short)\">\(panel.title)</text>"
    let levels = panel.levels.map { level in
      """
      <path class="grid" d="M\(panel.left.short) \(panel.y(level).short)H\(panel.x(1).short)"/>\
      <text x="\((panel.left - 6).short)" y="\((panel.y(level) + 4).short)" text-anchor="end">\(level.short)</text>
      """
    }
    let lines = panel.series.enumerated().map { number, values in
      let points = values.enumerated().map { index, value in
        "\(panel.x((Double(index) + 0.5) / Double(values.count)).short) \(panel.y(value).short)"
      }
      return "<polyline class=\"series\" stroke=\"\(color(number))\" points=\"\(points.joined(separator: " "))\"/>"
    }
    return [title] + levels + times(panel) + lines
  }

  private func times(_ panel: Panel) -> [String] {
    let bottom = panel.top + Self.panel.height
    // Each label where it leaves room for the next.
    var events = [(scenario.rollout, "all replaced", anchor: "middle")]
    if scenario.podsAfterScaleUp > scenario.pods { events.append((scenario.scaleUp, "pods added", anchor: "end")) }
    let marks = events.map { time, title, anchor in
      let x = panel.x(time / scenario.length)
      return """
        <path class="event" d="M\(x.short) \(panel.top.short)V\(bottom.short)"/>\
        <text x="\(x.short)" y="\((bottom + 16).short)" text-anchor="\(anchor)">\(time.goText): \(title)</text>
        """
    }
    let edges = """
      <text x="\(panel.left.short)" y="\((bottom + 16).short)">0s</text>\
      <text x="\(panel.x(1).short)" y="\((bottom + 16).short)" text-anchor="end">\(scenario.length.goText)</text>
      """
    return marks + [edges]
  }
}
