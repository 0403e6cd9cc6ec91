import Balancing
import Draining
import Foundation
import FoundationXML
import Testing

@testable import Simulation

@Suite("What the simulation says")
struct OutputTests {
  private static let scenario = Scenario(
    nodes: 2, pods: 4, podsAfterScaleUp: 8, clients: 40, streamingPercent: 2.5, length: .seconds(120))

  /// A history of which all figures are known: uneven until 5 s after the scale-up, which is at 60 s.
  private var history: History {
    var history = History()
    history.samples = (0..<120).map { second in
      var sample = History.Sample()
      (sample.busiest, sample.idlest) = second < 65 ? (1.5, 0.5) : (1.1, 0.9)
      sample.added = second < 60 ? 1 : min(1, Double(second - 59) * 0.1)
      sample.reconnects = second
      return sample
    }
    history.cut = 3
    return history
  }

  @Test("Figures are means over the settled time, the worst of each part, and the time until it was even for good")
  func figures() {
    let figures = Figures(history, of: Self.scenario)
    #expect(figures.busiest == 1.5 && figures.idlest == 0.5)
    // Seconds 40 to 59.
    #expect(figures.reconnects == 49.5)
    #expect(figures.worstSecondOfAging == 59 && figures.worstSecondOfScaleUp == 89)
    #expect(figures.worstSecondOfRollout == 119)
    #expect(figures.secondsUntilShared == 8 && figures.secondsUntilEven == 6)
    #expect(figures.cut == 3)
  }

  @Test("Of several runs, the worst counts where something is at its worst")
  func runs() throws {
    var late = history
    for second in 60..<120 { late.samples[second].added = 0.5 }
    for second in 0..<60 { late.samples[second].busiest = 2.5 }
    let figures = try #require(Figures([history, late].map { Figures($0, of: Self.scenario) }))
    #expect(figures.busiest == 2)
    #expect(figures.secondsUntilShared == nil && figures.secondsUntilEven == 6)
    #expect(Figures([]) == nil)
  }

  @Test("The lines of a table are as long as its heading")
  func table() {
    let lines =
      FigureTable().heading("--drain-pace") + [FigureTable().line(Setting("10"), Figures(history, of: Self.scenario))]
    #expect(Set(lines.map(\.count)).count == 1)
    #expect(lines[2].split(separator: " ").prefix(4) == ["10", "1.50", "1.00", "0.50"])
    #expect(lines[2].contains(" 8s ") && lines[2].contains(" 6s "))
  }

  @Test(
    "Each comparison holds the setting that it is made around, and differs from it in one thing",
    arguments: Axis.allCases)
  func comparisons(axis: Axis) {
    let base = Setting(
      "own", candidates: 3,
      drain: DrainSettings(
        interval: .seconds(77), jitterPercent: 7, pacePercent: 17, rebalanceWindow: .seconds(27)))
    let settings = axis.comparison(around: base).settings
    func isBase(_ setting: Setting) -> Bool {
      (setting.policy, setting.candidates, setting.drain) == (base.policy, base.candidates, base.drain)
    }
    #expect(settings.filter(isBase).count == 1)
    #expect(settings.count >= 4 && Set(settings.map(\.name)).count == settings.count)
    #expect(settings.count { $0.drain == base.drain } >= (axis == .policy ? 3 : 1))
  }

  @Test("The picture is well-formed, needs nothing but itself, and has a line for each setting in each panel")
  func picture() throws {
    let comparison = Axis.policy.comparison(around: Setting("", drain: DrainSettings(interval: .seconds(20))))
    let histories = comparison.settings.map { simulate(Self.scenario, $0) }
    let svg = HistoryPlot(Self.scenario, [(comparison, histories), (Comparison("<&>", [Setting("<a>")]), [history])])
      .svg
    let reader = Reader()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    #expect(parser.parse())
    #expect(reader.elements.count { $0 == "polyline" } == 2 * (4 + 1))
    #expect(!reader.elements.contains { ["script", "image", "use", "a"].contains($0) })
    #expect(reader.text.contains("<&>") && reader.text.contains("<a>") && reader.text.contains("2.5 % on streams"))
    #expect(svg.components(separatedBy: "://").count == 2)
  }

  private final class Reader: NSObject, XMLParserDelegate {
    var elements: [String] = []
    var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) { elements.append(name) }

    func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }
  }

  @Test(
    "Numbers have the decimals they are to have",
    arguments: [(1.0, 2, "1.00"), (0.049, 1, "0.0"), (12.345, 2, "12.35"), (0.5, 0, "1")])
  func numbers(number: Double, decimals: Int, text: String) {
    #expect(number.fixed(decimals) == text)
  }
}
