import Foundation
import FoundationXML
import Testing

@testable import Lab

@Suite("The picture")
struct SharePlotTests {
  /// Reads the SVG as XML, and keeps what the tests look at.
  private final class Reader: NSObject, XMLParserDelegate {
    var elements: [(name: String, attributes: [String: String])] = []
    var text = ""

    init(_ svg: String) throws {
      super.init()
      let parser = XMLParser(data: Data(svg.utf8))
      parser.delegate = self
      guard parser.parse() else { throw Malformed(reason: "\(String(describing: parser.parserError))") }
    }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      elements.append((name, attributes))
    }

    func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }
  }

  private struct Malformed: Error { let reason: String }

  private var history: ShareHistory {
    var history = ShareHistory(pods: ["web-1", "web-2", "<odd & pod>"])
    history.record(["web-1": 30, "web-2": 10], goaways: ["max_age": 1], until: 1)
    history.record([:], until: 2)
    history.record(["web-1": 10, "web-2": 10, "<odd & pod>": 20], goaways: ["rebalance": 4, "max_age": 0], until: 4)
    history.mark("agent started", at: 1)
    history.mark("3 < 6 & more", at: 3.5)
    return history
  }

  @Test("It is well-formed, whatever pods and events are called")
  func wellFormed() throws {
    let reader = try Reader(SharePlot(history, title: "Who answers? <&>").svg)
    #expect(reader.elements.first?.name == "svg")
    #expect(reader.text.contains("Who answers? <&>"))
    #expect(reader.text.contains("<odd & pod>") && reader.text.contains("3.5 s: 3 < 6 & more"))
  }

  @Test("Below it, each reason for a GOAWAY has a row with its name, their number, and a bar for each sample with some")
  func goaways() throws {
    let reader = try Reader(SharePlot(history, title: "t").svg)
    #expect(reader.text.contains("GOAWAY, max_age: 1") && reader.text.contains("GOAWAY, rebalance: 4"))
    let bars = reader.elements.filter { $0.name == "path" && $0.attributes["class"] == "ink" }
    #expect(bars.count == 2)
    #expect(bars.allSatisfy { $0.attributes["d"]?.filter { $0 == "z" }.count == 1 })
  }

  @Test("It needs nothing but itself: no scripts, and no address but that of the name space")
  func selfContained() throws {
    let svg = SharePlot(history, title: "t").svg
    let reader = try Reader(svg)
    #expect(!reader.elements.contains { ["script", "image", "use", "foreignObject", "a"].contains($0.name) })
    #expect(!reader.elements.contains { $0.attributes.keys.contains { $0.hasPrefix("on") || $0.hasSuffix("href") } })
    #expect(svg.components(separatedBy: "://").count == 2)
    #expect(!svg.contains("url(") && !svg.contains("@import"))
  }

  @Test("It has colours of its own for readers in the dark")
  func dark() {
    #expect(SharePlot(history, title: "t").svg.contains("@media (prefers-color-scheme: dark)"))
  }

  @Test("Each pod's boxes are as high as its share, and none stands where nothing was answered")
  func shares() throws {
    let bands = try Reader(SharePlot(history, title: "t").svg).elements
      .filter { $0.name == "path" && $0.attributes["fill"] != nil }.map { boxes($0.attributes["d"] ?? "") }
    try #require(bands.map(\.count) == [2, 2, 1])
    let whole = bands.map { $0[0].height }.reduce(0, +) - bands[2][0].height
    #expect(abs(bands[0][0].height / whole - 0.75) < 0.01)
    #expect(abs(bands[0][1].height / whole - 0.25) < 0.01)
    #expect(abs(bands[2][0].height / whole - 0.5) < 0.01)
    // One pod's box stands on the other's.
    #expect(bands[1][0].bottom == bands[0][0].top && bands[2][0].bottom == bands[1][1].top)
    // The sample that took two seconds is twice as wide; between the two is the second of silence.
    #expect(abs(bands[0][1].width / bands[0][0].width - 2) < 0.01)
    #expect(abs(bands[0][1].left - bands[0][0].left - 2 * bands[0][0].width) < 0.2)
  }

  /// Boxes as the plot writes them: `Mx yVyHxVyz`.
  private func boxes(_ path: String) -> [Box] {
    path.split(separator: "z").map { box in
      let numbers = box.split { !($0.isNumber || $0 == ".") }.compactMap { Double($0) }
      return Box(left: numbers[0], right: numbers[3], bottom: numbers[1], top: numbers[2])
    }
  }

  private struct Box {
    var left, right, bottom, top: Double
    var width: Double { right - left }
    var height: Double { bottom - top }
  }

  @Test("Each event is a line in the plot and a line of text below it")
  func events() throws {
    let reader = try Reader(SharePlot(history, title: "t").svg)
    #expect(reader.elements.filter { $0.attributes["class"] == "line" }.count == 2)
    #expect(reader.elements.filter { $0.attributes["class"] == "badge" }.count == 4)
    #expect(reader.text.contains("1 s: agent started"))
  }

  @Test("Nothing to show is an empty picture")
  func empty() throws {
    #expect(throws: Never.self) { try Reader(SharePlot(ShareHistory(pods: []), title: "t").svg) }
  }
}
