/// A metric and all of its samples, as Prometheus scrapes them.
public struct MetricFamily: Sendable, Equatable {
  public enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  public var name: String
  /// One sentence: what is counted, and in what.
  public var help: String
  public var kind: Kind
  public var samples: [Sample]

  public init(name: String, help: String, kind: Kind, samples: [Sample]) {
    (self.name, self.help, self.kind, self.samples) = (name, help, kind, samples)
  }

  public struct Sample: Sendable, Equatable {
    public enum Value: Sendable, Equatable {
      case number(Double)
      case histogram(Histogram)
    }

    public var labels: [Label]
    public var value: Value

    public init(_ value: Value, labels: [Label] = []) {
      (self.labels, self.value) = (labels, value)
    }
  }

  public struct Label: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      (self.name, self.value) = (name, value)
    }
  }
}

// The text exposition format 0.0.4:
// https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md
extension MetricFamily {
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// The exposition of some metrics. Those without samples are left out.
  public static func text(of families: [MetricFamily]) -> String {
    families.filter { !$0.samples.isEmpty }.map(\.text).joined()
  }

  private var text: String {
    let help = Self.escaped(help, quotes: false)
    return "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n" + samples.map(text(of:)).joined()
  }

  private func text(of sample: Sample) -> String {
    switch sample.value {
    case .number(let value): line("", sample.labels, value)
    case .histogram(let histogram): text(of: histogram, sample.labels)
    }
  }

  private func text(of histogram: Histogram, _ labels: [Label]) -> String {
    var text = ""
    var count: UInt64 = 0
    for (bound, inBucket) in zip(histogram.bounds + [.infinity], histogram.counts) {
      count += inBucket
      text += line("_bucket", labels + [Label("le", Self.number(bound))], Double(count))
    }
    return text + line("_sum", labels, histogram.sum) + line("_count", labels, Double(count))
  }

  private func line(_ suffix: String, _ labels: [Label], _ value: Double) -> String {
    let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }.joined(separator: ",")
    return "\(name)\(suffix)\(pairs.isEmpty ? "" : "{\(pairs)}") \(Self.number(value))\n"
  }

  private static func number(_ value: Double) -> String {
    switch value {
    case .infinity: "+Inf"
    case -.infinity: "-Inf"
    case _ where value.isNaN: "NaN"
    default: Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    return quotes ? escaped.replacing("\"", with: "\\\"") : escaped
  }
}
