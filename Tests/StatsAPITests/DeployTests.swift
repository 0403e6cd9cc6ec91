import Balancing
import Foundation
import StatsAPI
import Testing

/// The alerts and the dashboard of deploy/ against the metrics that an agent has.
@Suite("The metrics that operators see")
struct DeployTests {
  private static let deploy = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "deploy")

  @Test(
    "Alerts and dashboard name no metric and no label that an agent does not have",
    arguments: ["alerts/evenkeel.yaml", "overlays/prometheus/prometheusrule.yaml", "dashboards/evenkeel.json"])
  func names(file: String) throws {
    let text = try String(contentsOf: Self.deploy.appending(path: file), encoding: .utf8)
    let known = try Self.labelsByMetric()
    let uses = Self.uses(in: text)
    #expect(uses.count > 8, "\(file) names hardly any metric: \(uses)")
    for use in uses {
      guard let labels = known[use.metric] else {
        Issue.record("\(file): no agent has \(use.metric)")
        continue
      }
      let unknown = use.labels.subtracting(labels)
      #expect(unknown.isEmpty, "\(file): \(use.metric) has no label \(unknown.sorted())")
    }
  }

  @Test(
    "What is grouped by, and what summaries and legends show, are labels that there are",
    arguments: ["alerts/evenkeel.yaml", "overlays/prometheus/prometheusrule.yaml", "dashboards/evenkeel.json"])
  func groupings(file: String) throws {
    let text = try String(contentsOf: Self.deploy.appending(path: file), encoding: .utf8)
    // Prometheus itself adds the instance.
    let known = try Self.labelsByMetric().values.reduce(into: Set(["instance"])) { $0.formUnion($1) }
    let used = Self.groupings(in: text)
    #expect(used.count > 3, "\(file) groups by hardly anything: \(used)")
    #expect(used.subtracting(known).isEmpty)
  }

  @Test("A metric that an agent does not have is found, and so are a selector's and a grouping's labels")
  func mistakes() throws {
    let uses = Self.uses(in: #"sum by (le, pod) (rate(evenkeel_nothing_total{namespcae=~"a,b=", port!="1"}[5m]))"#)
    #expect(uses == [Self.Use(metric: "evenkeel_nothing_total", labels: ["namespcae", "port"])])
    #expect(
      Self.groupings(in: "sum by (le, pod) (x) and on (instance) y: {{ $labels.zone }} {{reason}} {{ $value }}")
        == ["le", "pod", "instance", "zone", "reason"])
    #expect(try Self.labelsByMetric()["evenkeel_nothing_total"] == nil)
    #expect(try Self.labelsByMetric()["evenkeel_drain_duration_seconds_bucket"] == ["le"])
  }

  @Test("The dashboard shows every metric that an agent has")
  func complete() throws {
    let text = try String(contentsOf: Self.deploy.appending(path: "dashboards/evenkeel.json"), encoding: .utf8)
    let shown = Set(Self.uses(in: text).map(\.metric))
    for family in try Self.families() {
      #expect([family.name, "\(family.name)_bucket"].contains { shown.contains($0) }, "\(family.name) is not shown")
    }
  }

  struct Use: Equatable {
    let metric: String
    /// In its selector.
    let labels: Set<String>
  }

  /// The metrics that a text names, outside of prose: with their selectors where they have one.
  private static func uses(in text: String) -> [Use] {
    let label = #/(\w+)\s*(?:=~|!~|!=|=)\s*\\?"[^"\\]*\\?"/#
    return text.matches(of: #/(evenkeel_[a-z_]+)(?:\{([^}]*)\})?/#).map { match in
      Use(metric: "\(match.1)", labels: Set((match.2 ?? "").matches(of: label).map { "\($0.1)" }))
    }
  }

  private static func groupings(in text: String) -> Set<String> {
    let lists = text.matches(of: #/\b(?:by|on) ?\(([^)]*)\)/#).flatMap { $0.1.matches(of: #/\w+/#).map { "\($0.0)" } }
    let shown = text.matches(of: #/{{ *(?:\$labels\.)?(\w+)/#).map { "\($0.1)" }
    return Set(lists + shown)
  }

  /// Every metric as it is exposed, with the labels of all of its samples.
  private static func labelsByMetric() throws -> [String: Set<String>] {
    var known: [String: Set<String>] = [:]
    for line in MetricFamily.text(of: try families()).split(separator: "\n") where !line.hasPrefix("#") {
      let match = try #require(line.firstMatch(of: #/^(\w+)(?:\{(.*)\})? /#))
      let labels = (match.2 ?? "").matches(of: #/(\w+)="/#).map { "\($0.1)" }
      known["\(match.1)", default: []].formUnion(labels)
    }
    return known
  }

  /// All that an agent has once everything has happened.
  private static func families() throws -> [MetricFamily] {
    var metrics = AgentMetrics()
    metrics.drainEnded(after: .milliseconds(50), wasClosed: true)
    metrics.programmed(after: .milliseconds(3))
    metrics.ticked(for: .milliseconds(15))
    metrics.orphansClosed(1)
    var stuck = Connection.sample
    (stuck.state, stuck.reason) = ("undrainable", "opaque")
    let endpoint = try #require(SocketAddress("10.244.0.11:50051"))
    let families = metrics.families(
      status: .sample, services: [.sample], connections: [.sample, stuck], goaways: [endpoint: ["max_age": 5]])
    for family in families { try #require(!family.samples.isEmpty, "\(family.name) has no sample here") }
    return families
  }
}
