/// A picture of a `Report`: each contender against the direct way, and how even the load was when pods were added.
///
/// One SVG file that needs nothing else: no scripts, no fonts. Its colours follow the reader's choice of light or dark.
public struct Plot: Sendable {
  private let report: Report

  // All in the units of the view box, which are pixels at its natural size.
  private static let width = 960.0
  private static let left = 210.0
  private static let panelTop = 88.0
  private static let line = 22.0
  private static let curves = (height: 220.0, most: 6.0)

  /// The panels: a title, a measure, and whether less is better.
  private static let panels: [(title: String, measure: Measure)] = [
    ("requests per s", .small), ("one at a time, p50", .oneMedian), ("4 MB bodies per s", .large),
    ("connects per s", .exchanges),
  ]

  /// Told apart by people with any kind of colour vision, on white and on black (Okabe and Ito 2008).
  private static let colors = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"]

  public init(_ report: Report) { self.report = report }

  public var svg: String {
    let height = curvesTop + (report.courses.isEmpty ? 0 : Self.curves.height + 60)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(text(Self.width)) \(text(height))" role="img">
      <title>Evenkeel beside what else there is</title>
      <desc>\(escaped(description))</desc>
      <style>
      svg { color-scheme: light dark; font: 13px system-ui, sans-serif; }
      .paper { fill: #ffffff; }
      .ink { fill: #1f2328; }
      .grid { stroke: #1f2328; stroke-opacity: 0.18; }
      .range { stroke: #1f2328; stroke-opacity: 0.6; stroke-width: 1.5; }
      .curve { fill: none; stroke-width: 2; }
      .ours { fill: #0072b2; }
      .other { fill: #999999; }
      @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117; }
      .ink { fill: #e6edf3; }
      .grid, .range { stroke: #e6edf3; }
      .ours { fill: #56b4e9; }
      }
      </style>
      <rect class="paper" width="100%" height="100%"/>
      <text class="ink" x="16" y="32" font-size="20">Evenkeel beside what else there is</text>
      <text class="ink" x="16" y="54">Against the direct way, 1.0: medians of \(report.machine.rounds) rounds, with least \
      and most. \(escaped(report.machine.processor)), Linux \(escaped(report.machine.kernel))</text>
      \((names + Self.panels.indices.flatMap(panel) + courses).joined(separator: "\n"))
      </svg>

      """
  }

  /// What the picture says, for those who do not see it.
  private var description: String {
    let lines = report.contenders.compactMap { contender in
      report.ratio(contender, .small).map { "\(contender.name) \(number($0.median))" }
    }
    return "Small requests per second against the direct way: \(lines.joined(separator: ", "))."
  }

  private var curvesTop: Double { Self.panelTop + Self.line * Double(report.contenders.count) + 56 }

  private var names: [String] {
    report.contenders.enumerated().map { row, contender in
      """
      <text class="ink" x="\(text(Self.left - 10))" y="\(text(y(row) + 5))" text-anchor="end"\
      \(contender.isOurs ? " font-weight=\"bold\"" : "")>\(escaped(contender.name))</text>
      """
    }
  }

  private func panel(_ index: Int) -> [String] {
    let (title, measure) = Self.panels[index]
    let width = (Self.width - Self.left - 16) / Double(Self.panels.count)
    let left = Self.left + width * Double(index)
    let ratios = report.contenders.map { report.ratio($0, measure) }
    let most = max(1.1, ratios.compactMap { $0?.most }.max() ?? 1)
    let scale = (width - 48) / most
    let bars = zip(report.contenders, ratios).enumerated().flatMap { row, bar -> [String] in
      guard let ratio = bar.1 else { return [] }
      let y = y(row)
      return [
        """
        <rect class="\(bar.0.isOurs ? "ours" : "other")" x="\(text(left))" y="\(text(y - 7))" \
        width="\(text(ratio.median * scale))" height="14"/>
        """,
        "<path class=\"range\" d=\"M\(text(left + ratio.least * scale)) \(text(y))H\(text(left + ratio.most * scale))\"/>",
        """
        <text class="ink" x="\(text(left + ratio.most * scale + 4))" y="\(text(y + 5))" font-size="11">\
        \(number(ratio.median))</text>
        """,
      ]
    }
    let bottom = y(report.contenders.count - 1) + 12
    return [
      "<text class=\"ink\" x=\"\(text(left))\" y=\"\(text(Self.panelTop - 6))\">\(escaped(title))</text>",
      "<path class=\"grid\" d=\"M\(text(left + scale)) \(text(Self.panelTop))V\(text(bottom))\"/>",
    ] + bars
  }

  /// A curve for each contender's clients: the busiest pod over the mean.
  private var courses: [String] {
    guard let first = report.courses.first else { return [] }
    let end = max(1, report.courses.flatMap(\.seconds).map(\.time).max() ?? 1)
    let (left, width) = (56.0, Self.width - 240)
    let bottom = curvesTop + Self.curves.height
    func x(_ time: Double) -> Double { left + time / end * width }
    func y(_ ratio: Double) -> Double {
      bottom - (min(ratio, Self.curves.most) - 1) / (Self.curves.most - 1) * (Self.curves.height - 24)
    }
    let axes = stride(from: 1.0, through: Self.curves.most, by: 1).map { level in
      """
      <path class="grid" d="M\(text(left)) \(text(y(level)))h\(text(width))"/>\
      <text class="ink" x="\(text(left - 8))" y="\(text(y(level) + 5))" text-anchor="end">\(Int(level))</text>
      """
    }
    let marks = first.phases.map { phase in
      """
      <path class="grid" d="M\(text(x(phase.start))) \(text(curvesTop + 20))V\(text(bottom))"/>\
      <text class="ink" x="\(text(x(phase.start) + 3))" y="\(text(bottom + 18))" font-size="11">\
      \(escaped(phase.title))</text>
      """
    }
    let lines = report.courses.enumerated().map { index, course in
      let points = course.seconds.compactMap { second in
        second.busiest.map { "\(text(x(second.time))) \(text(y($0)))" }
      }
      let color = Self.colors[index % Self.colors.count]
      let row = curvesTop + 34 + Self.line * Double(index)
      return """
        <path class="curve" stroke="\(color)" d="\(points.isEmpty ? "" : "M" + points.joined(separator: "L"))"/>\
        <rect x="\(text(left + width + 16))" y="\(text(row - 11))" width="12" height="12" fill="\(color)"/>\
        <text class="ink" x="\(text(left + width + 34))" y="\(text(row))">\(escaped(course.contender))</text>
        """
    }
    return [
      "<text class=\"ink\" x=\"\(text(left))\" y=\"\(text(curvesTop))\">Busiest pod over the mean, each second</text>"
    ] + axes + marks + lines
  }

  private func y(_ row: Int) -> Double { Self.panelTop + Self.line * (Double(row) + 0.5) }

  /// To a tenth of a pixel.
  private func text(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
  }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
