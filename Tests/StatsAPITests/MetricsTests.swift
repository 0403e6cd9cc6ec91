import Balancing
import Testing

@testable import StatsAPI

@Suite("The metrics")
struct MetricsTests {
  @Test("A label's value is escaped, and so is the help text; a quote only in the label")
  func escaping() {
    let family = MetricFamily(
      name: "m", help: "a \"b\" \\ c\nd", kind: .gauge,
      samples: [.init(.number(1.5), labels: [.init("l", "a \"b\" \\ c\nd"), .init("k", "")])])
    #expect(
      MetricFamily.text(of: [family]) == #"""
        # HELP m a "b" \\ c\nd
        # TYPE m gauge
        m{l="a \"b\" \\ c\nd",k=""} 1.5

        """#)
  }

  @Test(
    "Numbers are written as Prometheus reads them",
    arguments: [
      (0, "0"), (18_231, "18231"), (1.04, "1.04"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
      (1e300, "1e+300"),
    ])
  func numbers(value: Double, text: String) {
    let family = MetricFamily(name: "m", help: "h", kind: .gauge, samples: [.init(.number(value))])
    #expect(MetricFamily.text(of: [family]) == "# HELP m h\n# TYPE m gauge\nm \(text)\n")
  }

  @Test("A histogram's buckets include their bounds and are cumulated; the last holds everything")
  func histogram() {
    var histogram = Histogram(bounds: [0.5, 1])
    for value in [0.25, 0.5, 0.75, 8] { histogram.observe(value) }
    #expect(histogram.count == 4)
    let family = MetricFamily(
      name: "h", help: "x", kind: .histogram, samples: [.init(.histogram(histogram), labels: [.init("a", "b")])])
    #expect(
      MetricFamily.text(of: [family]) == """
        # HELP h x
        # TYPE h histogram
        h_bucket{a="b",le="0.5"} 2
        h_bucket{a="b",le="1"} 3
        h_bucket{a="b",le="+Inf"} 4
        h_sum{a="b"} 9.5
        h_count{a="b"} 4

        """)
  }

  @Test("A family without samples is left out")
  func empty() {
    #expect(MetricFamily.text(of: [MetricFamily(name: "m", help: "h", kind: .gauge, samples: [])]) == "")
  }

  @Test("The agent's metrics have the names and labels of the contract")
  func agentMetrics() throws {
    var metrics = AgentMetrics()
    metrics.drainEnded(after: .milliseconds(50), wasClosed: false)
    metrics.programmed(after: .milliseconds(3))
    metrics.ticked(for: .milliseconds(15))
    metrics.orphansClosed(2)
    metrics.orphansClosed(1)
    var stuck = Connection.sample
    (stuck.state, stuck.reason) = ("undrainable", "tls")
    var orphan = stuck
    (orphan.endpoint, orphan.reason) = ("10.244.0.99:50051", nil)
    let endpoint = try #require(SocketAddress("10.244.0.11:50051"))
    let text = MetricFamily.text(
      of: metrics.families(
        status: .sample, services: [.sample], connections: [.sample, stuck, stuck, orphan],
        goaways: [endpoint: ["max_age": 5, "manual": 2]]))
    #expect(text == expectedAgentMetrics)
  }

  @Test("Connections that were closed after their grace are counted apart from those that ended by themselves")
  func drainClosures() {
    var metrics = AgentMetrics()
    for wasClosed in [true, false, true] { metrics.drainEnded(after: .seconds(1), wasClosed: wasClosed) }
    #expect(metrics.drainClosures == 2)
  }

  @Test("What an endpoint has counted stays when it leaves, or comes back anew")
  func countersOfDepartedEndpoints() throws {
    func service(_ endpoints: [(address: String, responses: UInt64)]) -> Service {
      var service = Service.sample
      service.endpoints = endpoints.map {
        var endpoint = ServiceEndpoint.sample
        endpoint.address = $0.address
        endpoint.incoming.responses = $0.responses
        return endpoint
      }
      return service
    }
    let address = try #require(SocketAddress("10.0.0.1:50051"))
    var counters = ServiceCounters()
    var totals: [UInt64] = []
    for (endpoints, goaways) in [
      ([("10.0.0.1", 100), ("10.0.0.2", 10)], 4),
      ([("10.0.0.2", 15)], 0),
      ([("10.0.0.1", 7), ("10.0.0.2", 15)], 1),
      ([("10.0.0.1", 2), ("10.0.0.2", 15)], 1),
      ([], 0),
    ] as [([(String, UInt64)], UInt64)] {
      counters.update([service(endpoints)], goaways: [address: ["manual": goaways]])
      totals.append(counters[Service.sample.key].responses)
    }
    #expect(totals == [110, 115, 122, 124, 124])
    #expect(counters[Service.sample.key].goaways == ["manual": 6])
    counters.update([], goaways: [:])
    #expect(counters.knows(Service.sample.key), "other Services' updates say nothing of it")
    counters.forget(Service.sample.key)
    #expect(!counters.knows(Service.sample.key))
    #expect(counters[Service.sample.key] == ServiceCounters.Counts())
  }
}

/// Read without complaint by `promtool check metrics`.
private let expectedAgentMetrics = """
  # HELP evenkeel_connections_active Connections established now.
  # TYPE evenkeel_connections_active gauge
  evenkeel_connections_active{namespace="shop",service="cart",port="80",direction="outgoing"} 3
  evenkeel_connections_active{namespace="shop",service="cart",port="80",direction="incoming"} 3
  # HELP evenkeel_connections_opened_total Connections that this node's clients opened.
  # TYPE evenkeel_connections_opened_total counter
  evenkeel_connections_opened_total{namespace="shop",service="cart",port="80"} 41
  # HELP evenkeel_connections_failed_total Connections that this node's clients could not open.
  # TYPE evenkeel_connections_failed_total counter
  evenkeel_connections_failed_total{namespace="shop",service="cart",port="80"} 0
  # HELP evenkeel_responses_total Responses that this node's endpoints ended.
  # TYPE evenkeel_responses_total counter
  evenkeel_responses_total{namespace="shop",service="cart",port="80"} 18231
  # HELP evenkeel_goaways_refused_total GOAWAYs bounced because the moment was not right, and tried again.
  # TYPE evenkeel_goaways_refused_total counter
  evenkeel_goaways_refused_total{namespace="shop",service="cart",port="80"} 2
  # HELP evenkeel_imbalance_ratio The busiest local endpoint's responses over the mean, in the last 10 s.
  # TYPE evenkeel_imbalance_ratio gauge
  evenkeel_imbalance_ratio{namespace="shop",service="cart",port="80"} 1.04
  # HELP evenkeel_goaways_total GOAWAYs placed and seen on the wire.
  # TYPE evenkeel_goaways_total counter
  evenkeel_goaways_total{namespace="shop",service="cart",port="80",reason="manual"} 2
  evenkeel_goaways_total{namespace="shop",service="cart",port="80",reason="max_age"} 5
  # HELP evenkeel_undrainable_connections Connections that no GOAWAY can be placed on.
  # TYPE evenkeel_undrainable_connections gauge
  evenkeel_undrainable_connections{namespace="shop",service="cart",port="0",reason="unknown"} 1
  evenkeel_undrainable_connections{namespace="shop",service="cart",port="80",reason="tls"} 2
  # HELP evenkeel_drain_duration_seconds From a GOAWAY to the end of its connection.
  # TYPE evenkeel_drain_duration_seconds histogram
  evenkeel_drain_duration_seconds_bucket{le="0.01"} 0
  evenkeel_drain_duration_seconds_bucket{le="0.1"} 1
  evenkeel_drain_duration_seconds_bucket{le="1"} 1
  evenkeel_drain_duration_seconds_bucket{le="10"} 1
  evenkeel_drain_duration_seconds_bucket{le="60"} 1
  evenkeel_drain_duration_seconds_bucket{le="600"} 1
  evenkeel_drain_duration_seconds_bucket{le="3600"} 1
  evenkeel_drain_duration_seconds_bucket{le="+Inf"} 1
  evenkeel_drain_duration_seconds_sum 0.05
  evenkeel_drain_duration_seconds_count 1
  # HELP evenkeel_endpoint_programming_seconds From a change in the input to the kernel's tables.
  # TYPE evenkeel_endpoint_programming_seconds histogram
  evenkeel_endpoint_programming_seconds_bucket{le="0.001"} 0
  evenkeel_endpoint_programming_seconds_bucket{le="0.002"} 0
  evenkeel_endpoint_programming_seconds_bucket{le="0.005"} 1
  evenkeel_endpoint_programming_seconds_bucket{le="0.01"} 1
  evenkeel_endpoint_programming_seconds_bucket{le="0.02"} 1
  evenkeel_endpoint_programming_seconds_bucket{le="0.05"} 1
  evenkeel_endpoint_programming_seconds_bucket{le="0.1"} 1
  evenkeel_endpoint_programming_seconds_bucket{le="0.5"} 1
  evenkeel_endpoint_programming_seconds_bucket{le="1"} 1
  evenkeel_endpoint_programming_seconds_bucket{le="10"} 1
  evenkeel_endpoint_programming_seconds_bucket{le="+Inf"} 1
  evenkeel_endpoint_programming_seconds_sum 0.003
  evenkeel_endpoint_programming_seconds_count 1
  # HELP evenkeel_tick_duration_seconds What a round of draining takes: look, decide, place.
  # TYPE evenkeel_tick_duration_seconds histogram
  evenkeel_tick_duration_seconds_bucket{le="0.001"} 0
  evenkeel_tick_duration_seconds_bucket{le="0.002"} 0
  evenkeel_tick_duration_seconds_bucket{le="0.005"} 0
  evenkeel_tick_duration_seconds_bucket{le="0.01"} 0
  evenkeel_tick_duration_seconds_bucket{le="0.02"} 1
  evenkeel_tick_duration_seconds_bucket{le="0.05"} 1
  evenkeel_tick_duration_seconds_bucket{le="0.1"} 1
  evenkeel_tick_duration_seconds_bucket{le="0.2"} 1
  evenkeel_tick_duration_seconds_bucket{le="0.5"} 1
  evenkeel_tick_duration_seconds_bucket{le="1"} 1
  evenkeel_tick_duration_seconds_bucket{le="+Inf"} 1
  evenkeel_tick_duration_seconds_sum 0.015
  evenkeel_tick_duration_seconds_count 1
  # HELP evenkeel_orphans_closed_total Connections of this node's clients closed because their pod has vanished.
  # TYPE evenkeel_orphans_closed_total counter
  evenkeel_orphans_closed_total 3
  # HELP evenkeel_drain_enabled 1 while connections are drained, 0 while they are only spread.
  # TYPE evenkeel_drain_enabled gauge
  evenkeel_drain_enabled 1
  # HELP evenkeel_goaways_busy_total Attempts without a GOAWAY as the server wrote without a pause, made again.
  # TYPE evenkeel_goaways_busy_total counter
  evenkeel_goaways_busy_total 1
  # HELP evenkeel_goaways_unguarded_total GOAWAYs that left without being checked: must stay 0.
  # TYPE evenkeel_goaways_unguarded_total counter
  evenkeel_goaways_unguarded_total 0
  # HELP evenkeel_drain_closures_total Connections closed because they outlived their GOAWAY by the grace.
  # TYPE evenkeel_drain_closures_total counter
  evenkeel_drain_closures_total 0
  # HELP evenkeel_map_entries Entries in a BPF map.
  # TYPE evenkeel_map_entries gauge
  evenkeel_map_entries{map="services"} 4
  # HELP evenkeel_map_max_entries Entries that a BPF map has room for.
  # TYPE evenkeel_map_max_entries gauge
  evenkeel_map_max_entries{map="services"} 1024
  # HELP evenkeel_outcomes_total How connects to Service addresses, and accepts, have ended.
  # TYPE evenkeel_outcomes_total counter
  evenkeel_outcomes_total{outcome="spread"} 44
  evenkeel_outcomes_total{outcome="no_endpoints"} 3
  # HELP evenkeel_build_info 1, with the agent's version.
  # TYPE evenkeel_build_info gauge
  evenkeel_build_info{version="1.2.3"} 1

  """
