import Balancing
import Manifests
import Testing

@Suite("Annotations of a Service")
struct AnnotationTests {
  private func read(_ annotations: String) throws -> (port: ServicePort, warnings: [String]) {
    let cluster = try cluster(service(metadata: "annotations: {\(annotations)}"))
    return (try #require(cluster.servicePorts.first), cluster.warnings)
  }

  @Test("without annotations a Service is balanced as the agent is told to")
  func defaults() throws {
    let (port, warnings) = try read("")
    #expect(port.mode == .balance && port.policy == nil && port.drainInterval == nil)
    #expect(warnings.isEmpty)
  }

  @Test("mode, policy and drain interval are taken from annotations; others' are of no interest")
  func values() throws {
    let (port, warnings) = try read(
      "evenkeel.io/mode: spread, evenkeel.io/policy: random, evenkeel.io/drain-interval: 1h30m, example.com/mode: x")
    #expect(port.mode == .spread && port.policy == .random && port.drainInterval == .seconds(5400))
    #expect(warnings.isEmpty)
  }

  @Test("a drain interval of zero is a choice: never")
  func never() throws {
    #expect(try read("evenkeel.io/drain-interval: 0s").port.drainInterval == .zero)
  }

  @Test("mode off needs quotes in YAML, as for kubectl")
  func off() throws {
    #expect(try read("evenkeel.io/mode: \"off\"").port.mode == .off)
    #expect(
      try errors(in: service(metadata: "annotations: {evenkeel.io/mode: off}")) == [
        "shop.yaml:3: metadata.annotations[evenkeel.io/mode]: expected a string in quotes, found off"
      ])
  }

  @Test(
    "a bad value is a warning that names Service, annotation, value and what is allowed; the default is in force",
    arguments: [
      ("mode: spraed", "mode: expected balance or spread or off, found \"spraed\"; balance is in force"),
      (
        "policy: fastest",
        "policy: expected least-connections or random or maglev, found \"fastest\"; the agent's --policy is in force"
      ),
      (
        "drain-interval: 10 minutes",
        "drain-interval: expected a duration such as 90s, 10m or 1h30m (0s: never), found \"10 minutes\"; "
          + "the agent's --drain-interval is in force"
      ),
      ("drain-intervall: 10m", "drain-intervall: no such annotation; did you mean evenkeel.io/drain-interval?"),
      ("colour: red", "colour: no such annotation"),
    ])
  func badValues(annotation: String, warning: String) throws {
    let (port, warnings) = try read("evenkeel.io/\(annotation)")
    #expect(warnings == ["Service shop/cart: annotation evenkeel.io/\(warning)"])
    #expect(port.mode == .balance && port.policy == nil && port.drainInterval == nil)
  }
}
