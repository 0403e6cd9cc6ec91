import Manifests
import Testing

@Suite("Errors in manifests")
struct DecodingErrorTests {
  @Test(
    "an error names file, line and field, what was expected and what was found",
    arguments: [
      ("ports: [{port: eighty}]", "ports[0].port: expected a whole number from 1 to 65535, found \"eighty\""),
      ("ports: [{port: \"80\"}]", "ports[0].port: expected a whole number from 1 to 65535, found \"80\""),
      ("ports: [{port: 0}]", "ports[0].port: expected a whole number from 1 to 65535, found 0"),
      ("ports: [{port: 65536}]", "ports[0].port: expected a whole number from 1 to 65535, found 65536"),
      ("ports: [{port: 80.5}]", "ports[0].port: expected a whole number from 1 to 65535, found 80.5"),
      ("ports: [{port: [80]}]", "ports[0].port: expected a whole number from 1 to 65535, found a list"),
      ("ports: [{port: true}]", "ports[0].port: expected a whole number from 1 to 65535, found true"),
      ("ports: [{name: grpc}]", "ports[0].port: required, and missing"),
      ("ports: [{port: ~}]", "ports[0].port: required, and missing"),
      ("ports: [80]", "ports[0]: expected a mapping, found 80"),
      ("ports: {port: 80}", "ports: expected a list, found a mapping"),
      ("ports: []", "ports: expected a list that is not empty, found an empty list"),
      ("type: ClusterIP", "ports: required, and missing"),
      ("ports: [{port: 80, name: 80}]", "ports[0].name: expected a string in quotes, found 80"),
      ("ports: [{port: 80, name: -.5e3}]", "ports[0].name: expected a string in quotes, found -.5e3"),
      ("ports: [{port: 80, name: yes}]", "ports[0].name: expected a string in quotes, found yes"),
      ("ports: [{port: 80, protocol: tcp}]", "ports[0].protocol: expected TCP or UDP or SCTP, found \"tcp\""),
      ("ports: [{port: 80, prot: TCP}]", "ports[0].prot: no such field; did you mean \"port\"?"),
      ("prots: [{port: 80}]", "prots: no such field; did you mean \"ports\"?"),
      ("Ports: [{port: 80}]", "Ports: no such field; did you mean \"ports\"?"),
      ("ports: [{port: 80}], colour: red", "colour: no such field"),
      ("ports: [{port: 80}], clusterIP: 10.96.0.256", "clusterIP: expected an IP address, found \"10.96.0.256\""),
      ("ports: [{port: 80}], clusterIPs: [none]", "clusterIPs[0]: expected an IP address, found \"none\""),
      ("ports: [{port: 80}], externalIPs: [x]", "externalIPs[0]: expected an IP address, found \"x\""),
      ("ports: [{port: 80}], sessionAffinity: client", "sessionAffinity: expected None or ClientIP, found \"client\""),
      (
        "ports: [{port: 80}], sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}",
        "sessionAffinityConfig.clientIP.timeoutSeconds: expected a whole number from 1 to 86400, found 86401"
      ),
      (
        "ports: [{port: 80}], internalTrafficPolicy: Node",
        "internalTrafficPolicy: expected Cluster or Local, found \"Node\""
      ),
      (
        "ports: [{port: 80}], type: Cluster",
        "type: expected ClusterIP or NodePort or LoadBalancer or ExternalName, found \"Cluster\""
      ),
      (
        "ports: [{port: 80, name: a}, {port: 80, name: b}]",
        "ports[1]: another port of this Service also has the number 80 (TCP)"
      ),
      (
        "ports: [{port: 80, name: a}, {port: 81, name: a}]",
        "ports[1]: another port of this Service also has the name \"a\""
      ),
      (
        "ports: [{port: 80}, {port: 81}]",
        "ports[1]: another port of this Service also has no name; where there are several, each needs one"
      ),
    ])
  func serviceSpec(spec: String, message: String) throws {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec:\n  {\(spec)}\n"
    #expect(try errors(in: text) == ["shop.yaml:5: spec.\(message)"])
  }

  @Test("ports of different protocols may have one number")
  func sameNumber() throws {
    let text = service().replacing("port: 80}", with: "port: 80}, {name: udp, port: 80, protocol: UDP}")
    #expect(try decode(text).count == 1)
  }

  @Test(
    "an EndpointSlice's errors do so too",
    arguments: [
      ("[{addresses: [10.0.0]}]", "endpoints[0].addresses[0]: expected an IPv4 address, found \"10.0.0\""),
      ("[{addresses: [\"fd00::1\"]}]", "endpoints[0].addresses[0]: expected an IPv4 address, found \"fd00::1\""),
      ("[{addresses: []}]", "endpoints[0].addresses: expected a list that is not empty, found an empty list"),
      ("[{hostname: a}]", "endpoints[0].addresses: required, and missing"),
      ("[{adresses: [10.0.0.1]}]", "endpoints[0].adresses: no such field; did you mean \"addresses\"?"),
      (
        "[{addresses: [10.0.0.1], conditions: {redy: true}}]",
        "endpoints[0].conditions.redy: no such field; did you mean \"ready\"?"
      ),
      (
        "[{addresses: [10.0.0.1], conditions: {ready: 1}}]",
        "endpoints[0].conditions.ready: expected true or false, found 1"
      ),
      (
        "[{addresses: [10.0.0.1], conditions: {ready: \"true\"}}]",
        "endpoints[0].conditions.ready: expected true or false, found \"true\""
      ),
      (
        "[{addresses: [10.0.0.1], hints: {forZone: []}}]",
        "endpoints[0].hints.forZone: no such field; did you mean \"forZones\"?"
      ),
      ("[{addresses: [10.0.0.1], nodeName: 7}]", "endpoints[0].nodeName: expected a string in quotes, found 7"),
    ])
  func endpoints(endpoints: String, message: String) throws {
    #expect(try errors(in: slice(endpoints: endpoints)) == ["shop.yaml:5: \(message)"])
  }

  @Test("an IPv4 address in a slice of IPv6 is of the wrong family")
  func wrongFamily() throws {
    #expect(
      try errors(in: slice(type: "IPv6")) == [
        "shop.yaml:5: endpoints[0].addresses[0]: expected an IPv6 address, found \"10.244.0.1\""
      ])
  }

  @Test(
    "an object must say what it is and what it is called",
    arguments: [
      ("{apiVersion: v1, metadata: {name: a}}", "kind: required, and missing"),
      ("{kind: Service, metadata: {name: a}}", "apiVersion: required, and missing"),
      ("{kind: service, apiVersion: v1}", "kind: no such kind: service; did you mean Service?"),
      ("{kind: EndpointSlices, apiVersion: v1}", "kind: no such kind: EndpointSlices; did you mean EndpointSlice?"),
      ("{kind: Service, apiVersion: v2}", "apiVersion: expected \"v1\" for kind Service, found \"v2\""),
      ("{kind: Service, apiVersion: apps/v1}", "apiVersion: expected \"v1\" for kind Service, found \"apps/v1\""),
      (
        "{kind: EndpointSlice, apiVersion: discovery.k8s.io/v1beta1}",
        "apiVersion: expected \"discovery.k8s.io/v1\" for kind EndpointSlice, found \"discovery.k8s.io/v1beta1\""
      ),
      ("{kind: Service, apiVersion: v1, spec: {}}", "metadata: required, and missing"),
      ("{kind: Service, apiVersion: v1, metadata: {}, spec: {}}", "metadata.name: required, and missing"),
      (
        "{kind: Service, apiVersion: v1, metadata: {name: \"\"}, spec: {}}",
        "metadata.name: expected a string that is not empty, found \"\""
      ),
      ("{kind: Service, apiVersion: v1, metadata: {name: a}}", "spec: required, and missing"),
      (
        "{kind: Service, apiVersion: v1, metadata: {name: a}, sepc: {}}",
        "sepc: no such field; did you mean \"spec\"?"
      ),
      (
        "{kind: Service, apiVersion: v1, metadata: {name: a, labels: {tier/app: 1}}, spec: {ports: [{port: 80}]}}",
        "metadata.labels[tier/app]: expected a string in quotes, found 1"
      ),
      (
        "{kind: EndpointSlice, apiVersion: discovery.k8s.io/v1, metadata: {name: a}}",
        "addressType: required, and missing"
      ),
      (
        "{kind: List, apiVersion: v1, items: [{}, {kind: Service, apiVersion: v1}]}",
        "items[0].kind: required, and missing\nshop.yaml:1: items[1].metadata: required, and missing"
      ),
      ("{kind: List, apiVersion: v1, itmes: []}", "itmes: no such field; did you mean \"items\"?"),
      ("[Service]", "expected a mapping, found a list"),
      ("just words", "expected a mapping, found \"just words\""),
      ("{[a]: b, kind: Service, apiVersion: v2}", "expected names as keys, found a list"),
    ])
  func objects(text: String, message: String) throws {
    #expect(try errors(in: text).joined(separator: "\n").hasPrefix("shop.yaml:1: \(message)"))
  }

  @Test(
    "a text without any object is an error that says so", arguments: ["", "\n", "# only words\n", "---\n---\n", "~"])
  func noObject(text: String) throws {
    #expect(try errors(in: text) == ["shop.yaml: holds no object"])
  }

  @Test(
    "an error in the YAML itself names file and line",
    arguments: [
      ("kind: Service\nspec:\n\tports: []\n", 3, "found character that cannot start any token"),
      ("kind: Service\nspec: {ports: [\n", 3, "did not find expected node content"),
      ("kind: Service\nspec: a: b\n", 2, "mapping values are not allowed in this context"),
      ("kind: Service\nmetadata: *nobody\n", 2, "found undefined alias"),
      ("kind: Service\nkind: Service\n", 1, "\"kind\" stands here twice"),
      ("kind: Service\nname: a\u{1}b\n", 2, "control characters are not allowed"),
    ])
  func syntax(text: String, line: Int, problem: String) throws {
    let errors = try errors(in: text)
    #expect(errors.count == 1)
    #expect(errors[0].hasPrefix("shop.yaml:\(line): not valid YAML: \(problem)"))
  }

  @Test("everything that is wrong is reported at once, in the order of the lines")
  func several() throws {
    let text = documents(
      service(spec: "typ: ClusterIP"), slice(endpoints: "[{addresses: [x]}]", ports: "[{port: -1}]"), "kind: [\n")
    #expect(
      try errors(in: text).map { $0.prefix(30) } == [
        "shop.yaml:4: spec.typ: no such", "shop.yaml:10: endpoints[0].add", "shop.yaml:11: ports[0].port: e",
        "shop.yaml:14: not valid YAML: ",
      ])
  }

  @Test("of very many problems the first 20 are listed, and the others counted")
  func limit() throws {
    let endpoints = (0..<50).map { "{addresses: [x\($0)]}" }.joined(separator: ", ")
    let errors = try errors(in: slice(endpoints: "[\(endpoints)]"))
    #expect(errors.count == 21)
    #expect(errors[19].contains("endpoints[19]"))
    #expect(errors[20] == "and 30 more")
  }
}
