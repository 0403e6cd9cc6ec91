import Balancing
import Manifests
import Testing

@Suite("Decoding an API server's answers")
struct APIDecodingTests {
  private let decoder = ManifestDecoder(unknownFields: .ignored)

  private func list(_ text: String) throws -> ObjectList { try decoder.list(Array(text.utf8), source: "api") }

  private func event(_ text: String) throws -> WatchEvent { try decoder.event(Array(text.utf8), source: "api") }

  private func error(_ body: () throws -> some Any) throws -> String {
    try #require(throws: ManifestError.self) { _ = try body() }.description
  }

  private let cart = """
    {"kind":"Service","apiVersion":"v1","metadata":{"name":"cart","namespace":"shop","resourceVersion":"41"},
     "spec":{"clusterIP":"10.96.0.1","ports":[{"port":80}]}}
    """

  @Test("a page of a list says of which version it is and where the next one begins")
  func page() throws {
    let list = try list(
      #"{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"abc"},"items":[]}"#)
    #expect(list == ObjectList(objects: [], resourceVersion: "7", continuation: "abc"))
  }

  @Test("the last page has nowhere to go on, and null for no items", arguments: ["", #","continue":"""#])
  func lastPage(rest: String) throws {
    let list = try list(
      #"{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"7"\#(rest)},"items":null}"#)
    #expect(list == ObjectList(objects: [], resourceVersion: "7"))
  }

  @Test("the items of a list are what it says: Services, EndpointSlices or Nodes")
  func items() throws {
    func only(_ kind: String, _ version: String, _ item: String) throws -> KubernetesObject {
      let list = try list(
        #"{"kind":"\#(kind)List","apiVersion":"\#(version)","metadata":{"resourceVersion":"7"},"items":[\#(item)]}"#)
      #expect(list.problems.isEmpty)
      return try #require(list.objects.first)
    }
    let service = try only("Service", "v1", #"{"metadata":{"name":"a"},"spec":{"ports":[{"port":80}]}}"#)
    guard case .service(let service) = service else { throw Unexpected() }
    #expect(service.ports.map(\.number) == [80])
    let slice = try only(
      "EndpointSlice", "discovery.k8s.io/v1",
      #"{"metadata":{"name":"a"},"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]}]}"#)
    guard case .endpointSlice(let slice) = slice else { throw Unexpected() }
    #expect(slice.endpoints.map(\.address) == [IPAddress("10.0.0.1")])
    let node = try only(
      "Node", "v1", #"{"metadata":{"name":"n1","labels":{"topology.kubernetes.io/zone":"a"}},"spec":{},"status":{}}"#)
    guard case .node(let node) = node else { throw Unexpected() }
    #expect(node.metadata.objectName == ObjectName(namespace: "", name: "n1"))
    #expect(node.zone == "a")
  }

  @Test("an item that means nothing valid is a problem that names it, and the others are taken")
  func badItem() throws {
    let list = try list(
      """
      {"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[
        {"metadata":{"name":"a","namespace":"shop"},"spec":{"ports":[{"port":0}]}},
        {"metadata":{"name":"b","namespace":"shop"},"spec":{"ports":[{"port":80}]}},
        {"metadata":{},"spec":{}}, 7]}
      """)
    #expect(list.objects.map(\.metadata.name) == ["b"])
    // A line is of no use in a text that nobody sees.
    let problems = list.problems.map { problem in
      [problem.location.path, problem.location.field, problem.message].filter { !$0.isEmpty }.joined(separator: ": ")
    }
    #expect(
      problems == [
        "api: Service shop/a: spec.ports[0].port: expected a whole number from 1 to 65535, found 0",
        "api: Service without name: metadata.name: required, and missing",
        "api: Service without name: expected a mapping, found 7",
      ])
  }

  @Test("one object is read by itself")
  func object() throws {
    guard case .service(let service) = try decoder.object(Array(cart.utf8), source: "api") else { throw Unexpected() }
    #expect(service.name == ServiceName(namespace: "shop", name: "cart"))
    func message(_ text: String) throws -> String { try error { try decoder.object(Array(text.utf8), source: "api") } }
    #expect(try message(cart.replacing("80", with: "0")).hasPrefix("api: spec.ports[0].port: expected a whole number"))
    #expect(
      try message(cart.replacing("\"Service\"", with: "\"ServiceList\""))
        == "api: kind: expected Service or EndpointSlice or Node, found \"ServiceList\"")
    #expect(try message(cart.replacing("v1", with: "v2")) == "api: apiVersion: expected \"v1\", found \"v2\"")
  }

  @Test("what is no list of objects that are read is refused with a reason")
  func noList() throws {
    let list = { (text: String) in try error { try self.list(text) } }
    #expect(try list(cart).contains("kind: expected ServiceList or EndpointSliceList or NodeList, found \"Service\""))
    #expect(
      try list(#"{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v2","metadata":{"resourceVersion":"1"}}"#)
        .contains("apiVersion: expected \"discovery.k8s.io/v1\", found \"discovery.k8s.io/v2\""))
    #expect(
      try list(#"{"kind":"ServiceList","apiVersion":"v1","metadata":{}}"#)
        .contains("metadata.resourceVersion: required, and missing"))
    #expect(try list("[]").contains("expected a mapping, found an empty list"))
    #expect(try !list("").isEmpty)
    #expect(try list(#"{"kind":"ServiceList","#).contains("not valid"))
  }

  @Test("an object that was added or modified is the object", arguments: ["ADDED", "MODIFIED"])
  func changed(type: String) throws {
    let event = try event(#"{"type":"\#(type)","object":\#(cart)}"#)
    guard case .changed(.service(let service), resourceVersion: "41") = event else { throw Unexpected() }
    #expect(service.name == ServiceName(namespace: "shop", name: "cart"))
  }

  @Test("of an object that was deleted the name remains, however little else of it is valid")
  func deleted() throws {
    let text = #"{"type":"DELETED","object":\#(cart.replacing("80", with: "0"))}"#
    #expect(try event(text) == .deleted(ObjectName(namespace: "shop", name: "cart"), resourceVersion: "41"))
  }

  @Test("an object that means nothing valid any more is known by its name, with what is wrong")
  func invalid() throws {
    let event = try event(#"{"type":"MODIFIED","object":\#(cart.replacing("80", with: "\"80\""))}"#)
    guard case .invalid(let name, let error, resourceVersion: "41") = event else { throw Unexpected() }
    #expect(name == ObjectName(namespace: "shop", name: "cart"))
    #expect(error.problems.map(\.location.path) == ["api: Service shop/cart"])
    #expect(error.problems.map(\.location.field) == ["spec.ports[0].port"])
  }

  @Test("a bookmark is a version, and may end what was there at the beginning")
  func bookmark() throws {
    func bookmark(_ annotations: String) throws -> WatchEvent {
      try event(
        """
        {"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1",
         "metadata":{"resourceVersion":"99","creationTimestamp":null\(annotations)},"spec":{},"status":{}}}
        """)
    }
    #expect(try bookmark("") == .bookmark(resourceVersion: "99", endsInitialEvents: false))
    #expect(
      try bookmark(#","annotations":{"k8s.io/initial-events-end":"true"}"#)
        == .bookmark(resourceVersion: "99", endsInitialEvents: true))
  }

  @Test("an error ends the watch and says why")
  func failed() throws {
    let status = """
      {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (9)",
       "reason":"Expired","code":410}
      """
    let expected = APIStatus(code: 410, reason: "Expired", message: "too old resource version: 1 (9)")
    #expect(try event(#"{"type":"ERROR","object":\#(status)}"#) == .failed(expected))
    #expect(decoder.status(Array(status.utf8)) == expected)
    #expect(expected.description == "410 Expired too old resource version: 1 (9)")
  }

  @Test("a Status may say when to try again")
  func retryAfter() throws {
    let text = #"{"kind":"Status","apiVersion":"v1","code":429,"details":{"retryAfterSeconds":3}}"#
    #expect(decoder.status(Array(text.utf8)) == APIStatus(code: 429, retryAfter: .seconds(3)))
  }

  @Test("what is no Status is none", arguments: ["", "<html>", "{}", "[1]", #"{"kind":"Service","code":410}"#])
  func noStatus(text: String) { #expect(decoder.status(Array(text.utf8)) == nil) }

  @Test(
    "what is no event is refused with a reason",
    arguments: [
      (#"{"object":{}}"#, "type: required, and missing"),
      (#"{"type":"SYNC","object":{}}"#, "type: expected ADDED or MODIFIED or DELETED or BOOKMARK or ERROR"),
      (#"{"type":"ADDED"}"#, "object: required, and missing"),
      (#"{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1"}}"#, "object.kind: expected Service or"),
      (
        #"{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{"resourceVersion":"1"}}}"#,
        "object.metadata.name: required, and missing"
      ),
      (
        #"{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{"resourceVersion":"1","name":7}}}"#,
        "object.metadata.name: expected a string in quotes, found 7"
      ),
      (#"{"type":"ERROR","object":{"kind":"Status"}}"#, "object.code: required, and missing"),
      (#"{"type":"ADDED","object":{"kind":"Ser"#, "not valid"),
    ])
  func noEvent(text: String, message: String) throws {
    #expect(try error { try event(text) }.contains(message))
  }
}
