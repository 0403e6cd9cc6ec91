/// A picture of a `ShareHistory`: each pod's share of the requests over time, stacked to 100 %, with the events marked, and
/// below it the GOAWAYs of each reason.
///
/// One SVG file that needs nothing else: no scripts, no fonts. Its colours follow the reader's choice of light or dark.
public struct SharePlot: Sendable {
  private let history: ShareHistory
  private let title: String

  // All in the units of the view box, which are pixels at its natural size.
  private static let width = 960.0
  private static let plot = (left: 56.0, top: 92.0, width: 872.0, height: 300.0)
  private static let eventLine = 22.0
  /// Of each reason for a GOAWAY: its name, and below it bars of up to so many pixels.
  private static let reasonLine = 38.0
  private static let goawayBar = 18.0

  /// Told apart by people with any kind of colour vision, on white and on black (Okabe and Ito 2008).
  private static let colors = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#f0e442", "#882255",
  ]

  public init(_ history: ShareHistory, title: String) {
    (self.history, self.title) = (history, title)
  }

  public var svg: String {
    let height = eventsTop + 12 + Self.eventLine * Double(history.events.count)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(text(Self.width)) \(text(height))" role="img">
      <title>\(escaped(title))</title>
      <desc>\(escaped(description))</desc>
      <style>
      svg { color-scheme: light dark; font: 14px system-ui, sans-serif; }
      .paper { fill: #ffffff; }
      .ink { fill: #1f2328; }
      .line { stroke: #1f2328; }
      .badge { fill: #1f2328; }
      .number { fill: #ffffff; font-size: 11px; text-anchor: middle; }
      .grid { stroke: #1f2328; stroke-opacity: 0.18; }
      @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117; }
      .ink { fill: #e6edf3; }
      .line { stroke: #e6edf3; }
      .badge { fill: #e6edf3; }
      .number { fill: #0d1117; }
      .grid { stroke: #e6edf3; }
      }
      </style>
      <rect class="paper" width="100%" height="100%"/>
      <text class="ink" x="\(text(Self.plot.left))" y="34" font-size="20">\(escaped(title))</text>
      \((legend + bands + axes + goaways + events).joined(separator: "\n"))
      </svg>

      """
  }

  /// What the picture says, for those who do not see it.
  private var description: String {
    let shares = zip(history.pods, Spread(history.counts(ofLast: 5), over: history.pods).shares)
    let last = shares.map { "\($0) \(Int(($1 * 100).rounded())) %" }.joined(separator: ", ")
    return "Share of the requests that each pod answered, over \(Int(history.duration)) seconds. In the last five: "
      + "\(last)."
  }

  private var legend: [String] {
    history.pods.enumerated().map { index, pod in
      let x = Self.plot.left + Double(index) * Self.plot.width / Double(max(history.pods.count, 6))
      return """
        <rect x="\(text(x))" y="56" width="14" height="14" fill="\(color(index))"/>\
        <text class="ink" x="\(text(x + 20))" y="68">\(escaped(pod))</text>
        """
    }
  }

  /// One path for each pod: a box for each sample, on top of those of the pods before it.
  private var bands: [String] {
    let stacks = history.samples.map { Spread($0.counts, over: history.pods).shares }
    return history.pods.indices.map { pod in
      let boxes = zip(history.samples, stacks).filter { $1[pod] > 0 }.map { sample, shares in
        let below = shares[..<pod].reduce(0, +)
        let (left, right) = (x(sample.start), x(sample.end))
        return "M\(text(left)) \(text(y(below)))V\(text(y(below + shares[pod])))H\(text(right))V\(text(y(below)))z"
      }
      return """
        <path fill="\(color(pod))" d="\(boxes.joined())"><title>\(escaped(history.pods[pod]))</title></path>
        """
    }
  }

  private var axes: [String] {
    let (left, right) = (Self.plot.left, Self.plot.left + Self.plot.width)
    let levels = stride(from: 0.0, through: 1, by: 0.25).map { share in
      """
      <path class="grid" d="M\(text(left)) \(text(y(share)))H\(text(right))"/>\
      <text class="ink" x="\(text(left - 8))" y="\(text(y(share) + 5))" text-anchor="end">\(Int(share * 100)) %</text>
      """
    }
    let times = stride(from: 0.0, through: history.duration, by: timeStep).map { time in
      """
      <text class="ink" x="\(text(x(time)))" y="\(text(y(0) + 20))" text-anchor="middle">\(Int(time)) s</text>
      """
    }
    return levels + times
  }

  /// At most a dozen labels.
  private var timeStep: Double {
    [1.0, 2, 5, 10, 15, 30, 60, 120, 300].first { history.duration / $0 <= 12 } ?? 600
  }

  /// The reasons that there were, the most frequent first.
  private var reasons: [String] {
    let totals = history.samples.reduce(into: [:]) { $0.merge($1.goaways, uniquingKeysWith: +) }.filter { $0.value > 0 }
    return totals.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
  }

  private var eventsTop: Double { y(0) + 52 + Self.reasonLine * Double(reasons.count) }

  /// A row for each reason: a bar for each sample, as high as it has GOAWAYs, against the most in any sample.
  private var goaways: [String] {
    let most = Double(history.samples.flatMap(\.goaways.values).max() ?? 1)
    return reasons.enumerated().flatMap { row, reason in
      let baseline = y(0) + 46 + Self.reasonLine * Double(row) + Self.goawayBar
      let counted = history.samples.map { (sample: $0, count: $0.goaways[reason] ?? 0) }.filter { $0.count > 0 }
      let bars = counted.map { sample, count in
        let height = max(2, Self.goawayBar * Double(count) / most)
        return "M\(text(x(sample.start))) \(text(baseline))v\(text(-height))H\(text(x(sample.end)))V\(text(baseline))z"
      }
      let total = counted.map(\.count).reduce(0, +)
      return [
        """
        <text class="ink" x="\(text(Self.plot.left))" y="\(text(baseline - Self.goawayBar - 3))" font-size="12">\
        GOAWAY, \(escaped(reason)): \(total)</text>
        """,
        """
        <path class="grid" d="M\(text(Self.plot.left)) \(text(baseline))h\(text(Self.plot.width))"/>\
        <path class="ink" d="\(bars.joined())"><title>\(escaped(reason))</title></path>
        """,
      ]
    }
  }

  /// A numbered line in the plot, and the number's meaning below it.
  private var events: [String] {
    history.events.enumerated().flatMap { index, event in
      let (x, line) = (x(event.time), eventsTop + Double(index) * Self.eventLine)
      return [
        """
        <path class="line" stroke-width="1.5" stroke-dasharray="4 3" d="M\(text(x)) \(text(y(1) - 4))V\(text(y(0)))"/>
        """,
        badge(index + 1, x: x, y: y(1) - 10),
        badge(index + 1, x: Self.plot.left + 8, y: line - 5),
        """
        <text class="ink" x="\(text(Self.plot.left + 26))" y="\(text(line))">\
        \(text(event.time)) s: \(escaped(event.title))</text>
        """,
      ]
    }
  }

  private func badge(_ number: Int, x: Double, y: Double) -> String {
    """
    <circle class="badge" cx="\(text(x))" cy="\(text(y))" r="8"/>\
    <text class="number" x="\(text(x))" y="\(text(y + 4))">\(number)</text>
    """
  }

  private func color(_ pod: Int) -> String { Self.colors[pod % Self.colors.count] }

  private func x(_ time: Double) -> Double {
    Self.plot.left + (history.duration > 0 ? min(time / history.duration, 1) : 0) * Self.plot.width
  }

  private func y(_ share: Double) -> Double { Self.plot.top + (1 - share) * Self.plot.height }

  /// To a tenth of a pixel.
  private func text(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
  }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
