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

  private static let panels: [(title: String, measure: Measure)] = [
    ("small requests per s", .small), ("time of a request, p50", .oneMedian), ("4 MB bodies per s", .large),
    ("connections per s", .exchanges),
  ]

  /// Of the others' curves, on white and on black: told apart by people with any kind of colour vision (Okabe and Ito 2008).
  private static let colors = [("#b86e00", "#e69f00"), ("#007a5a", "#2cc39a"), ("#a8548a", "#e59ac2")]

  /// Those that something was measured of.
  private let contenders: [Report.Contender]

  public init(_ report: Report) {
    self.report = report
    contenders = report.contenders.filter { !$0.rounds.isEmpty }
  }

  public var svg: String {
    let height = curvesTop + (report.courses.isEmpty ? 0 : Self.curves.height + 24)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(text(Self.width)) \(text(height))" role="img">
      <title>Evenkeel beside what else there is</title>
      <desc>\(escaped(description))</desc>
      <style>
      svg { color-scheme: light dark; font: 13px system-ui, sans-serif; }
      .paper { fill: #ffffff; }
      .ink { fill: #1f2328; }
      .grid { stroke: #1f2328; stroke-opacity: 0.18; }
      .one { stroke: #1f2328; stroke-dasharray: 3 3; }
      .range { stroke: #1f2328; stroke-opacity: 0.6; stroke-width: 1.5; }
      .faint { fill: #1f2328; fill-opacity: 0.7; font-size: 11px; }
      .value { font-size: 11px; paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
      .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
      .ours { fill: #0072b2; }
      .other { fill: #a3a8ae; }
      .line-ours { stroke: #0072b2; stroke-width: 3; }
      \(colorRules { $0.0 })
      @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117; }
      .ink, .faint { fill: #e6edf3; }
      .value { stroke: #0d1117; }
      .grid, .range, .one { stroke: #e6edf3; }
      .ours { fill: #56b4e9; }
      .other { fill: #6e7681; }
      .line-ours { stroke: #56b4e9; }
      \(colorRules { $0.1 })
      }
      </style>
      <rect class="paper" width="100%" height="100%"/>
      <text class="ink" x="16" y="32" font-size="20">Evenkeel beside what else there is</text>
      <text class="ink" x="16" y="54">Each beside the direct way, which is 1: the median of \(report.machine.rounds) rounds, \
      with least and most. \(escaped(report.machine.processor)), Linux \(escaped(report.machine.kernel))</text>
      \((names + (contenders.isEmpty ? [] : Self.panels.indices.flatMap(panel)) + courses).joined(separator: "\n"))
      </svg>

      """
  }

  private func colorRules(_ choose: ((String, String)) -> String) -> String {
    Self.colors.enumerated().map { ".line-\($0) { stroke: \(choose($1)); } .mark-\($0) { fill: \(choose($1)); }" }
      .joined(separator: " ")
  }

  /// What the picture says, for those who do not see it.
  private var description: String {
    let lines = contenders.compactMap { contender in
      contender.ratio(.small).map { "\(contender.name) \(number($0.median))" }
    }
    return "Small requests per second against the direct way: \(lines.joined(separator: ", "))."
  }

  private var curvesTop: Double {
    contenders.isEmpty ? Self.panelTop : Self.panelTop + Self.line * Double(contenders.count) + 64
  }

  private var names: [String] {
    contenders.enumerated().map { row, contender in
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
    let ratios = contenders.map { $0.ratio(measure) }
    let most = max(1.1, ratios.compactMap { $0?.most }.max() ?? 1)
    let scale = (width - 48) / most
    let bars = zip(contenders, ratios).enumerated().flatMap { row, bar -> [String] in
      guard let ratio = bar.1 else { return [] }
      let y = y(row)
      return [
        """
        <rect class="\(bar.0.isOurs ? "ours" : "other")" x="\(text(left))" y="\(text(y - 7))" \
        width="\(text(ratio.median * scale))" height="14"/>
        """,
        "<path class=\"range\" d=\"M\(text(left + ratio.least * scale)) \(text(y))H\(text(left + ratio.most * scale))\"/>",
      ]
    }
    let values = ratios.enumerated().compactMap { row, ratio in
      ratio.map {
        """
        <text class="ink value" x="\(text(left + $0.most * scale + 4))" y="\(text(y(row) + 5))">\
        \(number($0.median))</text>
        """
      }
    }
    let bottom = y(contenders.count - 1) + 12
    let better = measure.isRate ? "more is better" : "less is better"
    return [
      "<text class=\"ink\" x=\"\(text(left))\" y=\"\(text(Self.panelTop - 4))\">\(escaped(title))</text>",
      "<text class=\"faint\" x=\"\(text(left))\" y=\"\(text(bottom + 14))\">\(better)</text>",
    ] + bars + ["<path class=\"one\" d=\"M\(text(left + scale)) \(text(Self.panelTop))V\(text(bottom))\"/>"] + values
  }

  /// A phase of the courses on the axis of time: as long as the longest of them all, so that their curves tell of the same
  /// moments.
  private struct Slot {
    let title: String
    let start: Double
    let length: Double
  }

  private var slots: [Slot] {
    var slots: [Slot] = []
    for phase in report.courses.flatMap(\.phases) where !slots.contains(where: { $0.title == phase.title }) {
      let alike = report.courses.flatMap(\.phases).filter { $0.title == phase.title }
      let end = slots.last.map { $0.start + $0.length } ?? 0
      slots.append(Slot(title: phase.title, start: end, length: alike.map { $0.end - $0.start }.max() ?? 0))
    }
    return slots
  }

  /// A curve for each contender's clients: the busiest pod over the mean.
  private var courses: [String] {
    let slots = slots
    guard let end = slots.last.map({ $0.start + $0.length }), end > 0 else { return [] }
    let (left, width) = (56.0, Self.width - 240)
    let (top, bottom) = (curvesTop + 30, curvesTop + Self.curves.height)
    let highest = report.courses.flatMap(\.seconds).compactMap(\.busiest).max() ?? 1
    let most = min(max(2, highest.rounded(.up)), Self.curves.most)
    func x(_ time: Double) -> Double { left + time / end * width }
    func y(_ ratio: Double) -> Double { bottom - (min(max(ratio, 1), most) - 1) / (most - 1) * (bottom - top) }
    let axes = stride(from: 1.0, through: most, by: 1).map { level in
      """
      <path class="grid" d="M\(text(left)) \(text(y(level)))h\(text(width))"/>\
      <text class="ink" x="\(text(left - 8))" y="\(text(y(level) + 5))" text-anchor="end">\(Int(level))</text>
      """
    }
    let marks = slots.map { slot in
      """
      <path class="grid" d="M\(text(x(slot.start))) \(text(top - 12))V\(text(bottom))"/>\
      <text class="faint" x="\(text(x(slot.start) + 4))" y="\(text(top - 4))">\(escaped(slot.title))</text>
      """
    }
    let others = report.courses.filter { !$0.isOurs }
    // The one that the picture is about lies above the others.
    let ordered = report.courses.enumerated().sorted { !$0.element.isOurs && $1.element.isOurs }
    let lines = ordered.map { index, course in
      let points = course.seconds.compactMap { second -> String? in
        guard let busiest = second.busiest, let phase = course.phases.first(where: { second.time <= $0.end }),
          let slot = slots.first(where: { $0.title == phase.title })
        else { return nil }
        return "\(text(x(slot.start + second.time - phase.start))) \(text(y(busiest)))"
      }
      let number = others.firstIndex { $0.contender == course.contender }.map { "\($0 % Self.colors.count)" }
      let row = top + 14 + Self.line * Double(index)
      return """
        <path class="curve line-\(number ?? "ours")" d="\(points.isEmpty ? "" : "M" + points.joined(separator: "L"))"/>\
        <rect class="\(number.map { "mark-\($0)" } ?? "ours")" x="\(text(left + width + 16))" y="\(text(row - 11))" \
        width="12" height="12"/>\
        <text class="ink" x="\(text(left + width + 34))" y="\(text(row))"\
        \(course.isOurs ? " font-weight=\"bold\"" : "")>\(escaped(course.contender))</text>
        """
    }
    return [
      """
      <text class="ink" x="\(text(left))" y="\(text(curvesTop))">Requests of the busiest pod over the mean, each \
      second: 1 is even</text>
      """
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
