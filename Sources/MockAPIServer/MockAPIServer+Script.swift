internal import Manifests
internal import Synchronization

// What tests and the lab do with a server.
extension MockAPIServer {
  /// Adds objects, or replaces those of their names, each in JSON.
  ///
  /// - Throws: `MockAPIServerError` where one is of no kind that is kept.
  public func put(_ objects: String...) throws { try put(objects) }

  public func put(_ objects: [String]) throws { try responder.put(objects) }

  /// Removes an object, if it is there.
  ///
  /// - Parameter resource: `services`, `endpointslices` or `nodes`.
  public func remove(_ resource: String, _ name: String, namespace: String = "default") {
    responder.state.withLock { state in
      guard let collection = Collection.allCases.first(where: { $0.plural == resource }) else { return }
      let key = ObjectKey(namespace: collection == .nodes ? "" : namespace, name: name)
      if let change = state.store.remove(collection, key) { state.tell(change) }
    }
  }

  /// Forgets the history: watches from before, and lists that were begun, are answered with 410.
  public func compact() { responder.state.withLock { $0.store.compact() } }

  public func setTokens(_ tokens: Set<String>?) { responder.state.withLock { $0.tokens = tokens } }

  public func setWatchList(_ support: WatchListSupport) { responder.state.withLock { $0.watchList = support } }

  /// The version of the last change.
  public var resourceVersion: Int { responder.state.withLock { $0.store.resourceVersion } }

  /// Does this with the next `count` requests that are meant.
  public func fail(
    _ fault: Fault, count: Int = 1, where isMeant: @escaping @Sendable (APIServerRequest) -> Bool = { _ in true }
  ) {
    responder.state.withLock { state in
      state.faults.append(PendingFault(fault: fault, remaining: count, isMeant: isMeant))
    }
  }

  /// Takes back what `fail` has asked for.
  public func clearFaults() { responder.state.withLock { $0.faults = [] } }

  /// Ends watches as a server does when their time is over.
  public func endWatches(of resource: String? = nil) {
    for key in watches(of: resource).keys { responder.endWatch(key) }
  }

  /// Sends an ERROR in watches, which ends them.
  public func failWatches(of resource: String? = nil, code: Int, reason: String, message: String = "") {
    let line = Line.error(APIStatus(code: code, reason: reason, message: message))
    for watch in takeWatches(of: resource) {
      watch.exchange.write(line)
      watch.exchange.end()
    }
  }

  /// Closes the connections of watches after these bytes.
  public func cutWatches(of resource: String? = nil, after text: String = "") {
    for watch in takeWatches(of: resource) {
      watch.exchange.write(text)
      watch.exchange.cut()
    }
  }

  /// Sends bytes in watches, whatever they are.
  public func sendToWatches(of resource: String? = nil, _ text: String) {
    responder.state.withLock { state in
      for (_, watch) in state.watches where resource == nil || watch.request.resource == resource {
        watch.exchange.write(text)
      }
    }
  }

  /// Sends a bookmark in the watches that allow it.
  public func sendBookmarks() {
    responder.state.withLock { state in state.watches.values.forEach(state.bookmark) }
  }

  /// All requests so far, in order.
  public var requests: [APIServerRequest] { responder.state.withLock { $0.requests } }

  /// Returns when the requests so far are such; at the latest when the task is cancelled.
  public func waitForRequests(_ condition: ([APIServerRequest]) -> Bool) async {
    await wait { condition($0.requests) }
  }

  /// Returns when so many watches of a resource are open.
  public func waitForWatches(of resource: String, count: Int = 1) async {
    await wait { state in state.watches.values.count { $0.request.resource == resource } == count }
  }

  private func wait(until condition: (Responder.State) -> Bool) async {
    let (changes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let token = Token()
    responder.state.withLock { $0.observers[ObjectIdentifier(token)] = signal }
    defer { responder.state.withLock { $0.observers[ObjectIdentifier(token)] = nil } }
    signal.yield()
    for await _ in changes where responder.state.withLock({ condition($0) }) { return }
  }

  private func watches(of resource: String?) -> [Int: Responder.Watch] {
    responder.state.withLock { state in
      state.watches.filter { resource == nil || $0.value.request.resource == resource }
    }
  }

  private func takeWatches(of resource: String?) -> [Responder.Watch] {
    responder.state.withLock { state in
      let taken = state.watches.filter { resource == nil || $0.value.request.resource == resource }
      for key in taken.keys { state.watches[key] = nil }
      return Array(taken.values)
    }
  }
}

/// Something to be told apart by its address.
private final class Token {}
