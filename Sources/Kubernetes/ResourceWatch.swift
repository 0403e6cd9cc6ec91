internal import Balancing
internal import Logging
internal import Manifests

/// Lists and watches one resource until it is cancelled: does what a `Reflector` decides.
actor ResourceWatch {
  private let resource: WatchedResource
  private let transport: any APITransport
  private let settings: WatchSettings
  private let now: @Sendable () -> Duration
  private let logger: Logger
  private let handler: Handler
  private let decoder = ManifestDecoder(unknownFields: .ignored)
  private var reflector: Reflector
  /// The problem that was told last.
  private var told: SourceProblem?
  /// When the present request is given up.
  private var deadline = Duration.zero

  /// What becomes of what is learned. Called in order; nothing is read meanwhile, so neither may take long.
  struct Handler: Sendable {
    let change: @Sendable (WatchChange) -> Void
    /// What fails; nil: nothing, again.
    let problem: @Sendable (SourceProblem?) -> Void
  }

  init(
    _ resource: WatchedResource, transport: any APITransport, settings: WatchSettings,
    now: @escaping @Sendable () -> Duration, logger: Logger, handler: Handler
  ) {
    (self.resource, self.transport, self.settings) = (resource, transport, settings)
    (self.now, self.logger, self.handler) = (now, logger, handler)
    reflector = Reflector(resource, settings: settings)
  }

  /// - Throws: `CancellationError`, and nothing else.
  func run() async throws {
    while true {
      try Task.checkCancellation()
      switch reflector.nextStep(at: now()) {
      case .pause(let time): try await Task.sleep(for: time)
      case .request(let request): await perform(request)
      }
    }
  }

  private func perform(_ request: Reflector.Request) async {
    do {
      try await exchangeInTime(request)
    } catch {
      if Task.isCancelled { return }  // whatever was thrown because of that
      let failure = error as? WatchFailure ?? .noAnswer("\(error)")
      logger.debug("\(failure.message(request.verb, resource))")
      reflector.failed(failure, at: now())
      tell()
    }
  }

  /// Tells of a problem that has come, changed or gone.
  private func tell() {
    let (before, problem) = (told, reflector.problem)
    guard problem != before else { return }
    told = problem
    handler.problem(problem)
    if let problem, problem.message != before?.message { logger.warning("\(problem.message)") }
    if problem == nil, let before {
      logger.info("\(resource.name): followed again, after \((now() - before.since).wholeSeconds.goText)")
    }
  }

  /// The exchange, given up when the deadline is over, which it moves.
  private func exchangeInTime(_ request: Reflector.Request) async throws {
    let start = now()
    deadline = start + settings.silence
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await self.exchange(request) }
      group.addTask { try await self.waitForDeadline(since: start) }
      try await group.next()
    }
  }

  private func waitForDeadline(since start: Duration) async throws {
    while deadline > now() { try await Task.sleep(for: deadline - now()) }
    throw WatchFailure.silent(for: deadline - start)
  }

  /// One request, and all that its answer brings.
  private func exchange(_ request: Reflector.Request) async throws {
    let lifetime = reflector.lifetime()
    let response = try await transport.get(request.apiRequest(resource, lifetime: lifetime))
    guard response.status == 200 else { throw WatchFailure.refused(await response.apiStatus(decoder)) }
    do {
      switch request {
      case .page: try await readPage(response)
      case .watchList, .watch:
        let end = now() + lifetime + settings.lifetimeMargin
        try await readWatch(response, isInitial: request == .watchList, end: end)
      }
    } catch let failure as WatchFailure {
      throw failure
    } catch {
      throw WatchFailure.cut("\(error)")
    }
  }

  private func readPage(_ response: APIResponse) async throws {
    let body = try await response.read(limit: settings.longestPage) { deadline = now() + settings.silence }
    let page: ObjectList
    do throws(ManifestError) {
      page = try decoder.list(body, source: resource.path)
    } catch {
      throw WatchFailure.undecodable(error)
    }
    let changes = reflector.take(page, at: now())
    tell()
    changes.forEach(handler.change)
  }

  /// - Parameter end: When a watch has died that has not ended.
  private func readWatch(_ response: APIResponse, isInitial: Bool, end: Duration) async throws {
    var isInitial = isInitial
    var splitter = LineSplitter(limit: settings.longestLine)
    deadline = isInitial ? now() + settings.silence : end
    reflector.watchBegan(at: now())
    tell()
    for try await chunk in response.body {
      for line in try splitter.lines(in: chunk) {
        let change = try take(line)
        if case .complete = change { isInitial = false }
        if let change { handler.change(change) }
      }
      deadline = isInitial ? now() + settings.silence : end
    }
    try Task.checkCancellation()
    guard splitter.isAtLineStart else { throw WatchFailure.cut("the answer ended within a line") }
    reflector.ended(at: now())
    tell()
  }

  private func take(_ line: [UInt8]) throws(WatchFailure) -> WatchChange? {
    let event: WatchEvent
    do throws(ManifestError) {
      event = try decoder.event(line, source: resource.path)
    } catch {
      throw .undecodable(error)
    }
    defer { tell() }
    return try reflector.take(event, at: now())
  }
}

extension Duration {
  fileprivate var wholeSeconds: Duration { .seconds(components.seconds) }
}

extension Reflector.Request {
  /// What RBAC has to allow.
  var verb: String {
    if case .page = self { "list" } else { "watch" }
  }

  /// - Parameter lifetime: of a watch, after which the server ends it.
  func apiRequest(_ resource: WatchedResource, lifetime: Duration) -> APIRequest {
    let selector = APIRequest.QueryItem("labelSelector", resource.labelSelector)
    let watch: [APIRequest.QueryItem] = [
      .init("watch", "true"), .init("allowWatchBookmarks", "true"),
      .init("timeoutSeconds", String(lifetime.components.seconds)),
    ]
    let query: [APIRequest.QueryItem] =
      switch self {
      case .watchList:
        watch + [.init("sendInitialEvents", "true"), .init("resourceVersionMatch", "NotOlderThan")]
      case .watch(let version): watch + [.init("resourceVersion", version)]
      case .page(let continuation, let limit, let version):
        [
          limit.map { .init("limit", String($0)) }, version.map { .init("resourceVersion", $0) },
          continuation.map { .init("continue", $0) },
        ].compactMap(\.self)
      }
    return APIRequest(path: resource.path, query: [selector] + query)
  }
}
