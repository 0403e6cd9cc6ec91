import Balancing
import Manifests
import Testing

@testable import Kubernetes

@Suite("What a list-and-watch does next")
struct ReflectorTests {
  private let a: KubernetesObject
  private let b: KubernetesObject

  init() throws {
    a = try ManifestDecoder.object(service("a"))
    b = try ManifestDecoder.object(service("b"))
  }

  private let firstPage = Reflector.Step.request(.page(continuation: nil, limit: 500, resourceVersion: "0"))

  /// A reflector whose waits are always the longest.
  private func reflector(_ resource: WatchedResource = .services(.everything)) -> Reflector {
    Reflector(resource, fraction: { 1 })
  }

  private func changed(_ object: KubernetesObject, _ version: String) -> WatchEvent {
    .changed(object, resourceVersion: version)
  }

  /// What is told of a list that holds these.
  private func complete(_ objects: KubernetesObject...) -> WatchChange {
    .complete(Set(objects.map(\.metadata.objectName)))
  }

  private func end(_ version: String) -> WatchEvent { .bookmark(resourceVersion: version, endsInitialEvents: true) }

  /// One that has its objects by a WatchList, and watches from version 10.
  private func watching() throws -> Reflector {
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    reflector.watchBegan(at: .zero)
    _ = try reflector.take(changed(a, "3"), at: .zero)
    _ = try reflector.take(end("10"), at: .zero)
    return reflector
  }

  /// One that knows that there is no WatchList, and has been answered nothing yet.
  private func listing() -> Reflector {
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    reflector.failed(.refused(APIStatus(code: 422)), at: .zero)
    return reflector
  }

  private func status(_ code: Int, retryAfter: Duration? = nil) -> WatchFailure {
    .refused(APIStatus(code: code, retryAfter: retryAfter))
  }

  @Test("it begins with a watch that brings all objects, and at its bookmark tells that these are all")
  func watchList() throws {
    var reflector = reflector()
    #expect(reflector.nextStep(at: .zero) == .request(.watchList))
    reflector.watchBegan(at: .zero)
    #expect(try reflector.take(changed(a, "3"), at: .zero) == .changed([a]))
    #expect(try reflector.take(.bookmark(resourceVersion: "5", endsInitialEvents: false), at: .zero) == nil)
    #expect(try reflector.take(end("10"), at: .zero) == complete(a))
    #expect(try reflector.take(changed(b, "11"), at: .zero) == .changed([b]))
    reflector.ended(at: .seconds(300))
    #expect(reflector.nextStep(at: .seconds(300)) == .request(.watch(from: "11")))
  }

  @Test("what goes while the first objects come is not among all there are")
  func changesDuringWatchList() throws {
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    _ = try reflector.take(changed(a, "3"), at: .zero)
    _ = try reflector.take(changed(b, "4"), at: .zero)
    _ = try reflector.take(.deleted(a.metadata.objectName, resourceVersion: "5"), at: .zero)
    _ = try reflector.take(changed(b, "6"), at: .zero)
    #expect(try reflector.take(end("6"), at: .zero) == complete(b))
  }

  @Test("objects that come without their end are forgotten when they come anew")
  func repeatedWatchList() throws {
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    _ = try reflector.take(changed(a, "3"), at: .zero)
    reflector.failed(.cut("reset"), at: .zero)
    #expect(reflector.nextStep(at: .seconds(1)) == .request(.watchList))
    _ = try reflector.take(changed(b, "4"), at: .seconds(1))
    #expect(try reflector.take(end("4"), at: .seconds(1)) == complete(b))
  }

  @Test("a server that does not know WatchList is asked for a list, at once, and remembered", arguments: [400, 422])
  func noWatchList(code: Int) throws {
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    reflector.failed(status(code), at: .zero)
    #expect(reflector.problem == nil)
    #expect(reflector.nextStep(at: .zero) == firstPage)
    _ = reflector.take(ObjectList(objects: [a], resourceVersion: "10"), at: .zero)
    reflector.failed(status(410), at: .zero)
    #expect(
      reflector.nextStep(at: .seconds(1)) == .request(.page(continuation: nil, limit: 500, resourceVersion: nil)))
  }

  @Test(
    "what fails of a WatchList and may do better as a list is listed this once",
    arguments: [
      WatchFailure.refused(APIStatus(code: 500)), .silent(for: .seconds(60)), .endedEarly, .lineTooLong(limit: 1),
    ])
  func watchListFails(failure: WatchFailure) throws {
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    reflector.failed(failure, at: .zero)
    #expect(reflector.nextStep(at: .seconds(1)) == firstPage)
    _ = reflector.take(ObjectList(objects: [a], resourceVersion: "10"), at: .seconds(1))
    _ = reflector.nextStep(at: .seconds(1))
    reflector.failed(status(410), at: .seconds(2))
    #expect(reflector.nextStep(at: .seconds(9)) == .request(.watchList))
  }

  @Test("what fails of a WatchList and would of a list is tried again", arguments: [401, 403, 429, 503])
  func watchListRefused(code: Int) {
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    reflector.failed(status(code), at: .zero)
    #expect(reflector.nextStep(at: .zero) == .pause(.milliseconds(800)))
    #expect(reflector.nextStep(at: .seconds(1)) == .request(.watchList))
  }

  @Test("a WatchList that ends before its bookmark has failed, also as calmly as a watch does")
  func watchListWithoutEnd() throws {
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    _ = try reflector.take(changed(a, "3"), at: .zero)
    reflector.ended(at: .seconds(300))
    #expect(reflector.problem?.message == "watch of services: ended before it had brought what it was to bring")
    #expect(
      reflector.nextStep(at: .seconds(301)) == .request(.page(continuation: nil, limit: 500, resourceVersion: nil)))
  }

  @Test("pages are followed; that these are all is told with the last")
  func pages() {
    var reflector = listing()
    #expect(reflector.nextStep(at: .zero) == firstPage)
    #expect(
      reflector.take(ObjectList(objects: [a], resourceVersion: "9", continuation: "next"), at: .zero) == [.changed([a])]
    )
    #expect(
      reflector.nextStep(at: .zero) == .request(.page(continuation: "next", limit: 500, resourceVersion: nil)))
    #expect(
      reflector.take(ObjectList(objects: [b], resourceVersion: "9"), at: .zero) == [.changed([b]), complete(a, b)])
    #expect(reflector.nextStep(at: .zero) == .request(.watch(from: "9")))
  }

  @Test("a page that fails is asked for again, not the whole list")
  func failedPage() {
    var reflector = listing()
    _ = reflector.nextStep(at: .zero)
    _ = reflector.take(ObjectList(objects: [a], resourceVersion: "9", continuation: "next"), at: .zero)
    reflector.failed(status(500), at: .zero)
    #expect(
      reflector.nextStep(at: .seconds(1)) == .request(.page(continuation: "next", limit: 500, resourceVersion: nil)))
    #expect(
      reflector.take(ObjectList(objects: [b], resourceVersion: "9"), at: .zero) == [.changed([b]), complete(a, b)])
  }

  @Test("a list that is forgotten before its last page is begun anew, in one page")
  func goneContinuation() {
    var reflector = listing()
    _ = reflector.nextStep(at: .zero)
    _ = reflector.take(ObjectList(objects: [a], resourceVersion: "9", continuation: "next"), at: .zero)
    reflector.failed(status(410), at: .zero)
    #expect(
      reflector.nextStep(at: .seconds(1)) == .request(.page(continuation: nil, limit: nil, resourceVersion: nil)))
    #expect(reflector.take(ObjectList(objects: [b], resourceVersion: "12"), at: .zero) == [.changed([b]), complete(b)])
  }

  @Test("changed, deleted and invalid objects are told, and bookmarks are not; each moves the version")
  func events() throws {
    var reflector = try watching()
    let error = ManifestError(.badData, [.init(Location(path: "services"), "no port")])
    let events: [(WatchEvent, WatchChange?)] = [
      (changed(b, "11"), .changed([b])),
      (.deleted(b.metadata.objectName, resourceVersion: "12"), .deleted(b.metadata.objectName)),
      (.invalid(a.metadata.objectName, error, resourceVersion: "13"), .invalid(a.metadata.objectName, error)),
      (.bookmark(resourceVersion: "14", endsInitialEvents: false), nil),
    ]
    for (number, (event, change)) in events.enumerated() {
      #expect(try reflector.take(event, at: .zero) == change)
      #expect(reflector.nextStep(at: .zero) == .request(.watch(from: "\(11 + number)")))
    }
  }

  @Test(
    "a watch goes on from its last version, whatever cut it off",
    arguments: [
      WatchFailure.cut("reset"), .noAnswer("refused"), .silent(for: .seconds(60)), .refused(APIStatus(code: 500)),
    ])
  func versionKept(failure: WatchFailure) throws {
    var reflector = try watching()
    reflector.failed(failure, at: .zero)
    #expect(reflector.nextStep(at: .zero) == .pause(.milliseconds(800)))
    #expect(reflector.nextStep(at: .milliseconds(800)) == .request(.watch(from: "10")))
  }

  @Test("a version that is too old, in the answer's status or as an event, has all listed anew; that is no problem")
  func gone() throws {
    for asEvent in [true, false] {
      var reflector = try watching()
      if asEvent {
        let failure = #expect(throws: WatchFailure.self) {
          try reflector.take(.failed(APIStatus(code: 410, reason: "Expired")), at: .zero)
        }
        reflector.failed(try #require(failure), at: .zero)
      } else {
        reflector.failed(status(410), at: .zero)
      }
      #expect(reflector.problem == nil)
      #expect(reflector.nextStep(at: .seconds(1)) == .request(.watchList))
    }
  }

  @Test("an event that means nothing has all listed anew: to go on from its predecessor would bring it again")
  func undecodable() throws {
    for failure in [WatchFailure.undecodable(ManifestError(.badData, [])), .lineTooLong(limit: 1)] {
      var reflector = try watching()
      reflector.failed(failure, at: .zero)
      #expect(reflector.nextStep(at: .seconds(1)) == .request(.watchList))
    }
  }

  @Test("a watch that has had its time is followed by the next, at once")
  func endOfWatch() throws {
    var reflector = try watching()
    reflector.ended(at: .seconds(300))
    #expect(reflector.nextStep(at: .seconds(300)) == .request(.watch(from: "10")))
  }

  @Test("a watch that ends as soon as it began, and brought nothing, is tried again with patience")
  func shortWatch() throws {
    var reflector = try watching()
    _ = reflector.nextStep(at: .zero)
    reflector.watchBegan(at: .zero)
    reflector.ended(at: .milliseconds(10))
    #expect(reflector.nextStep(at: .milliseconds(10)) == .pause(.milliseconds(800)))
  }

  @Test("Retry-After is heeded", arguments: [429, 503])
  func retryAfter(code: Int) throws {
    var reflector = try watching()
    reflector.failed(status(code, retryAfter: .seconds(20)), at: .zero)
    #expect(reflector.nextStep(at: .zero) == .pause(.milliseconds(20_800)))
  }

  @Test("a problem has the time of its first failure, the reason of its last, and goes with the first success")
  func problem() throws {
    var reflector = try watching()
    reflector.failed(.noAnswer("connection refused"), at: .seconds(5))
    reflector.failed(status(500), at: .seconds(6))
    #expect(
      reflector.problem
        == SourceProblem(
          subject: "services", message: "watch of services: the API server answers 500", since: .seconds(5)))
    reflector.watchBegan(at: .seconds(7))
    #expect(reflector.problem == nil)
  }

  @Test("what is not allowed is said with the verb and the resource that the ClusterRole lacks")
  func forbidden() {
    var reflector = reflector(.endpointSlices)
    _ = reflector.nextStep(at: .zero)
    reflector.failed(.refused(APIStatus(code: 403, reason: "Forbidden")), at: .zero)
    #expect(
      reflector.problem?.message
        == "watch of endpointslices: the API server answers 403 Forbidden; the agent's ClusterRole must allow watch on "
        + "endpointslices.discovery.k8s.io")
    var lists = listing()
    _ = lists.nextStep(at: .zero)
    lists.failed(.refused(APIStatus(code: 403)), at: .zero)
    #expect(lists.problem?.message.hasSuffix("must allow list on services") == true)
    lists.failed(.refused(APIStatus(code: 401, reason: "Unauthorized")), at: .zero)
    #expect(lists.problem?.message.hasSuffix("401 Unauthorized; are the credentials still valid?") == true)
  }

  @Test("a server that does not have the resource is said to be too old")
  func notFound() {
    var reflector = reflector(.endpointSlices)
    _ = reflector.nextStep(at: .zero)
    reflector.failed(.refused(APIStatus(code: 404, reason: "NotFound")), at: .zero)
    #expect(
      reflector.problem?.message
        == "watch of endpointslices: the API server answers 404 NotFound; Kubernetes 1.21 or later is needed")
  }

  @Test("a watch lasts from five to ten minutes", arguments: [(0.0, 300), (0.5, 450), (1.0, 600)])
  func lifetime(fraction: Double, seconds: Int) {
    #expect(Reflector(.endpointSlices, fraction: { fraction }).lifetime() == .seconds(seconds))
  }

  @Test("invalid objects of a list are told, and not taken for gone")
  func invalidInList() throws {
    let error = ManifestError(.badData, [.init(Location(path: "services"), "no port")])
    var lists = listing()
    _ = lists.nextStep(at: .zero)
    let page = ObjectList(objects: [a], resourceVersion: "9", invalid: [b.metadata.objectName: error])
    #expect(
      lists.take(page, at: .zero) == [.changed([a]), .invalid(b.metadata.objectName, error), complete(a, b)])
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    _ = try reflector.take(.invalid(b.metadata.objectName, error, resourceVersion: "3"), at: .zero)
    #expect(try reflector.take(end("3"), at: .zero) == complete(b))
  }

  @Test("the bookmark that ends initial events means nothing where none were asked for: nothing is taken for gone")
  func strayEnd() throws {
    var reflector = try watching()
    #expect(try reflector.take(end("20"), at: .zero) == nil)
    #expect(reflector.nextStep(at: .zero) == .request(.watch(from: "20")))
  }

  @Test("a list that takes over from a WatchList which has told something is of now, not of whenever")
  func listAfterPart() throws {
    var reflector = reflector()
    _ = reflector.nextStep(at: .zero)
    _ = try reflector.take(changed(a, "3"), at: .zero)
    reflector.failed(.silent(for: .seconds(60)), at: .zero)
    #expect(
      reflector.nextStep(at: .seconds(1)) == .request(.page(continuation: nil, limit: 500, resourceVersion: nil)))
  }
}
