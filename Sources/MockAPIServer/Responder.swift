internal import Manifests
internal import NIOCore
internal import Synchronization

/// What the server knows, and how it answers.
///
/// Everything is written to the channels under the lock, so that each watch sees the changes in their order.
final class Responder: Sendable {
  struct State {
    var store = ObjectStore()
    var tokens: Set<String>?
    var watchList: MockAPIServer.WatchListSupport
    var faults: [PendingFault] = []
    var requests: [APIServerRequest] = []
    /// Each by its number: a connection may have one after the other.
    var watches: [Int: Watch] = [:]
    var watchCount = 0
    /// Told whenever there is a request more or a watch less.
    var observers: [ObjectIdentifier: AsyncStream<Void>.Continuation] = [:]

    func tellObservers() { observers.values.forEach { $0.yield() } }
  }

  struct Watch {
    let request: APIServerRequest
    let selection: Selection
    let exchange: Exchange

    var wantsBookmarks: Bool { request.query["allowWatchBookmarks"] == "true" }
  }

  let state: Mutex<State>

  init(_ options: MockAPIServer.Options) {
    state = Mutex(State(tokens: options.tokens, watchList: options.watchList))
  }

  func put(_ objects: [String]) throws {
    try state.withLock { state in
      for object in objects {
        // In two steps: what is passed to a method while the state changes is a copy of all of it.
        let change = try state.store.put(object)
        state.tell(change)
      }
    }
  }

  func respond(to request: APIServerRequest, on exchange: Exchange) {
    state.withLock { state in
      state.requests.append(request)
      defer { state.tellObservers() }
      if let fault = state.takeFault(for: request) {
        commit(fault, request, exchange, &state)
      } else {
        answer(request, exchange, &state)
      }
    }
  }

  private func answer(_ request: APIServerRequest, _ exchange: Exchange, _ state: inout State) {
    do throws(APIStatus) {
      try state.admit(request)
      guard request.isWatch, let target = request.target, request.method == "GET" else {
        let (status, body) = try state.answer(request)
        return exchange.answer(status, body)
      }
      let selection = try Selection(target, request.query)
      let lines = try state.firstLines(request, selection)
      exchange.begin(200)
      exchange.write(lines.text)
      if lines.isEnd { return exchange.end() }
      follow(Watch(request: request, selection: selection, exchange: exchange), &state)
    } catch {
      exchange.answer(error)
    }
  }

  /// Keeps a watch up to date until its time is over or its connection.
  private func follow(_ watch: Watch, _ state: inout State) {
    let (channel, key) = (watch.exchange.channel, state.watchCount)
    state.watchCount += 1
    state.watches[key] = watch
    let timer = watch.request.query["timeoutSeconds"].flatMap { Int64($0) }.map { seconds in
      channel.eventLoop.scheduleTask(in: .seconds(seconds)) { self.endWatch(key) }
    }
    channel.closeFuture.whenComplete { _ in
      timer?.cancel()
      self.state.withLock { state in
        state.watches[key] = nil
        state.tellObservers()
      }
    }
  }

  /// As a server does whose time for a watch is over: with a bookmark, so that the next one has a good start. The real one
  /// sends it two seconds before, and none in a watch that is shorter (apiserver/pkg/storage/cacher, nextBookmarkTime).
  func endWatch(_ key: Int) {
    state.withLock { state in
      guard let watch = state.watches.removeValue(forKey: key) else { return }
      state.bookmark(watch)
      watch.exchange.end()
      state.tellObservers()
    }
  }

  private func commit(_ fault: Fault, _ request: APIServerRequest, _ exchange: Exchange, _ state: inout State) {
    switch fault {
    case .status(let code, let reason, let message, let retryAfter):
      let retryAfter = retryAfter.map { Duration.seconds($0) }
      exchange.answer(APIStatus(code: code, reason: reason, message: message, retryAfter: retryAfter))
    case .text(let text):
      exchange.answer(200, text)
    case .errorEvent(let code, let reason, let message):
      exchange.begin(200)
      exchange.write(Line.error(APIStatus(code: code, reason: reason, message: message)))
      exchange.end()
    case .cut(let length):
      exchange.begin(200)
      exchange.write(String(decoding: state.beginning(of: request).utf8.prefix(length), as: UTF8.self))
      exchange.cut()
    case .silence:
      break
    case .silenceAfterHead:
      exchange.begin(200)
    case .silenceAfterBeginning:
      exchange.begin(200)
      exchange.write(state.beginning(of: request))
    }
  }
}

extension Responder.State {
  /// The fault that waits for such a request, if any.
  mutating func takeFault(for request: APIServerRequest) -> Fault? {
    guard let index = faults.firstIndex(where: { $0.isMeant(request) }) else { return nil }
    let fault = faults[index].fault
    faults[index].remaining -= 1
    if faults[index].remaining == 0 { faults.remove(at: index) }
    return fault
  }

  /// - Throws: 401 without a token that is valid.
  func admit(_ request: APIServerRequest) throws(APIStatus) {
    guard let tokens else { return }
    let authorization = request.headers["authorization"] ?? ""
    guard authorization.hasPrefix("Bearer "), tokens.contains(String(authorization.dropFirst("Bearer ".count))) else {
      throw APIStatus(code: 401, reason: "Unauthorized", message: "Unauthorized")
    }
  }

  /// All that the answer's body holds by now; nothing where the request is refused.
  mutating func beginning(of request: APIServerRequest) -> String {
    guard request.isWatch, let target = request.target else { return (try? answer(request).body) ?? "" }
    return (try? firstLines(request, Selection(target, request.query)).text) ?? ""
  }

  /// The answer to everything that is no watch.
  mutating func answer(_ request: APIServerRequest) throws(APIStatus) -> (status: Int, body: String) {
    if request.method == "GET", request.path == "/readyz" { return (200, "ok") }
    if request.method == "GET", request.path == "/version" {
      return (200, #"{"major":"1","minor":"34","gitVersion":"v1.34.0","platform":"linux/amd64"}"#)
    }
    guard let target = request.target else {
      throw APIStatus(code: 404, reason: "NotFound", message: "the server could not find the requested resource")
    }
    switch (request.method, target.name) {
    case ("GET", nil): return (200, try list(target, request.query))
    case ("GET", let name?): return (200, try object(target, name).json)
    case ("POST", nil), ("PUT", _?): return (request.method == "POST" ? 201 : 200, try put(request))
    case ("DELETE", let name?): return (200, try delete(target, name))
    default: throw APIStatus(code: 405, reason: "MethodNotAllowed", message: "\(request.method) \(request.path)")
    }
  }

  /// A list. That of version 0 comes whole, whatever the limit, as from the real server's cache.
  private mutating func list(_ target: Target, _ query: [String: String]) throws(APIStatus) -> String {
    let limit = query["resourceVersion"] == "0" ? 0 : query["limit"].flatMap { Int($0) } ?? 0
    let selection = try Selection(target, query)
    let page = query["continue"].map { store.nextPage($0, limit: limit) } ?? store.firstPage(selection, limit: limit)
    guard let page else {
      throw APIStatus(
        code: 410, reason: "Expired",
        message: "The provided continue parameter is too old to display a consistent list result. You can start a new "
          + "list without the continue parameter, or use the continue token in this response to retrieve the remainder "
          + "of the results. Continuing with the provided token results in an inconsistent list - objects that were "
          + "created, modified, or deleted between the time the first chunk was returned and now may show up in the "
          + "list.")
    }
    let next = page.continuation.map { #","continue":"\#($0)","remainingItemCount":\#(page.remaining)"# } ?? ""
    return #"{"kind":"\#(target.collection.kind)List","apiVersion":"\#(target.collection.apiVersion)","#
      + #""metadata":{"resourceVersion":"\#(page.resourceVersion)"\#(next)},"#
      + #""items":[\#(page.objects.map(\.item).joined(separator: ","))]}"#
  }

  private func object(_ target: Target, _ name: String) throws(APIStatus) -> StoredObject {
    guard let object = store.object(target.collection, ObjectKey(namespace: target.namespace ?? "", name: name)) else {
      throw APIStatus(code: 404, reason: "NotFound", message: "\(target.collection.plural) \"\(name)\" not found")
    }
    return object
  }

  private mutating func put(_ request: APIServerRequest) throws(APIStatus) -> String {
    do {
      let change = try store.put(String(decoding: request.body, as: UTF8.self))
      tell(change)
      return change.new?.json ?? ""
    } catch {
      throw APIStatus(code: 400, reason: "BadRequest", message: "\(error)")
    }
  }

  private mutating func delete(_ target: Target, _ name: String) throws(APIStatus) -> String {
    let object = try object(target, name)
    if let change = store.remove(target.collection, object.key) { tell(change) }
    return object.json
  }

  /// What a watch begins with, and whether that is all.
  func firstLines(
    _ request: APIServerRequest, _ selection: Selection
  ) throws(APIStatus) -> (text: String, isEnd: Bool) {
    let query = request.query
    if query["sendInitialEvents"] != nil || query["resourceVersionMatch"] != nil {
      return try initialEvents(query, selection)
    }
    let version = query["resourceVersion"].flatMap { Int($0) } ?? 0
    if version == 0 { return (added(selection), false) }
    guard let changes = store.changes(since: version) else {
      let message = "too old resource version: \(version) (\(store.resourceVersion))"
      let status = APIStatus(code: 410, reason: "Expired", message: message)
      return (Line.error(status), true)
    }
    return (changes.compactMap { $0.line(for: selection) }.joined(), false)
  }

  /// As apimachinery/pkg/apis/meta/internalversion/validation and apiserver/pkg/storage/cacher answer.
  private func initialEvents(
    _ query: [String: String], _ selection: Selection
  ) throws(APIStatus) -> (text: String, isEnd: Bool) {
    func invalid(_ why: String) -> APIStatus {
      APIStatus(code: 422, reason: "Invalid", message: #"ListOptions.meta.k8s.io "" is invalid: "# + why)
    }
    switch watchList {
    case .unknown:
      throw invalid("resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch")
    case .gateOff:
      throw invalid(
        "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is "
          + "enabled")
    case .oldStorage:
      let message =
        "a watch stream was requested by the client but the required storage feature RequestWatchProgress is disabled"
      return (Line.error(APIStatus(code: 500, reason: "InternalError", message: message)), true)
    case .supported:
      guard query["resourceVersionMatch"] == "NotOlderThan" else {
        throw invalid(
          "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
            + "NotOlderThan")
      }
      let isWanted = query["allowWatchBookmarks"] == "true"
      let end = Line.bookmark(selection.collection, at: store.resourceVersion, endsInitialEvents: true)
      return (added(selection) + (isWanted ? end : ""), false)
    }
  }

  private func added(_ selection: Selection) -> String {
    store.list(selection).map { Line.event("ADDED", $0.json) }.joined()
  }

  /// Sends a change to all whom it concerns.
  func tell(_ change: ObjectStore.Change) {
    for watch in watches.values {
      if let line = change.line(for: watch.selection) { watch.exchange.write(line) }
    }
  }

  func bookmark(_ watch: Responder.Watch) {
    guard watch.wantsBookmarks else { return }
    watch.exchange.write(Line.bookmark(watch.selection.collection, at: store.resourceVersion))
  }
}
