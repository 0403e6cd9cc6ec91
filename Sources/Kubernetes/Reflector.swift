internal import Manifests

/// What a list-and-watch of one resource does next (client-go's tools/cache/reflector.go has the name). Pure: answers and
/// times are handed in.
///
/// It begins with a watch that first brings all there is (WatchList, KEP-3157): the objects come one by one, from the
/// server's cache, as of now. They are told as they come, so that nothing is in memory twice; what is gone is known at the
/// end. A server without that is asked for a list, and then watched from the list's version on.
///
/// That list comes from the server's cache too (`resourceVersion=0`): thousands of agents that start at once must not read
/// all objects from etcd, and what the cache has not seen yet the watch brings. The cache sends all in one page; where there is
/// none, the limit holds, and the pages are followed. A later list, after a version was too old, is of what is there now, in
/// pages, as client-go has it: the cache might be older than what is known already.
struct Reflector: Sendable {
  enum Step: Sendable, Equatable {
    case pause(Duration)
    case request(Request)
  }

  enum Request: Sendable, Equatable {
    /// A watch that begins with all objects.
    case watchList
    case page(continuation: String?, limit: Int?, resourceVersion: String?)
    case watch(from: String)
  }

  private enum Phase: Sendable {
    /// Nothing was listed, or what was is too old to go on from.
    case unlisted
    /// A watch brings all objects.
    case streaming
    case listing(Pages)
    case watching(from: String)
  }

  /// How far a list has come.
  private struct Pages: Sendable {
    var continuation: String?
    /// Without a limit: a list that took so long that its version was forgotten meanwhile.
    var isWhole = false
  }

  private let resource: WatchedResource
  private let settings: WatchSettings
  /// At random from 0 to 1.
  private let fraction: @Sendable () -> Double
  private var phase = Phase.unlisted
  /// The objects that have come since the last beginning of a list, or of a watch that begins with all.
  private var seen: Set<ObjectName> = []
  private var backOff: BackOff
  /// When to go on after a failure.
  private var resumption: Duration?
  /// False from when the server has said that it does not know WatchList.
  private var hasWatchList = true
  /// Whether any object was told, or that there are none.
  private var knowsAny = false
  /// When the present watch began, and whether it has brought anything.
  private var began = Duration.zero
  private var hasProgress = false
  /// What fails, since when and why; nil: all is well.
  private(set) var problem: SourceProblem?

  init(
    _ resource: WatchedResource, settings: WatchSettings = WatchSettings(),
    fraction: @escaping @Sendable () -> Double = { .random(in: 0...1) }
  ) {
    (self.resource, self.settings, self.fraction) = (resource, settings, fraction)
    backOff = BackOff(settings.backOff)
  }

  mutating func nextStep(at now: Duration) -> Step {
    if let resumption, resumption > now { return .pause(resumption - now) }
    resumption = nil
    switch phase {
    case .unlisted:
      guard hasWatchList else {
        phase = .listing(Pages())
        return nextStep(at: now)
      }
      (phase, seen) = (.streaming, [])
      return .request(.watchList)
    case .streaming:
      seen = []
      return .request(.watchList)
    case .listing(let pages):
      if pages.continuation == nil { seen = [] }
      return .request(
        .page(
          continuation: pages.continuation, limit: pages.isWhole ? nil : settings.pageSize,
          resourceVersion: knowsAny || pages.isWhole || pages.continuation != nil ? nil : "0"))
    case .watching(let version):
      return .request(.watch(from: version))
    }
  }

  /// For how long the server is to keep the next watch open, in whole seconds.
  func lifetime() -> Duration {
    let (least, most) = (settings.lifetime.lowerBound, settings.lifetime.upperBound)
    return .seconds((least + (most - least) * fraction()).components.seconds)
  }

  /// A watch has been answered, and lasts.
  mutating func watchBegan(at now: Duration) {
    (began, hasProgress) = (now, false)
    if case .watching = phase { recover(at: now) }
  }

  /// A page of the list that was asked for.
  mutating func take(_ page: ObjectList, at now: Duration) -> [WatchChange] {
    guard case .listing(var pages) = phase else { return [] }
    recover(at: now)
    seen.formUnion(page.objects.map(\.metadata.objectName))
    seen.formUnion(page.invalid.keys)
    pages.continuation = page.continuation
    phase = .listing(pages)
    let changes = [.changed(page.objects)] + page.invalid.map { WatchChange.invalid($0, $1) }
    return page.continuation == nil ? changes + [complete(at: page.resourceVersion)] : changes
  }

  /// An event of the watch that was asked for.
  ///
  /// - Throws: `refused` where it is an error: the watch is over.
  mutating func take(_ event: WatchEvent, at now: Duration) throws(WatchFailure) -> WatchChange? {
    if case .failed(let status) = event { throw .refused(status) }
    hasProgress = true
    recover(at: now)
    switch event {
    case .failed: return nil
    case .bookmark(let version, endsInitialEvents: true) where isStreaming:
      return complete(at: version)
    case .bookmark(let version, _): moved(to: version)
    case .changed(let object, let version):
      moved(to: version)
      note(object.metadata.objectName)
      return .changed([object])
    case .deleted(let name, let version):
      moved(to: version)
      seen.remove(name)
      return .deleted(name)
    case .invalid(let name, let error, let version):
      moved(to: version)
      note(name)
      return .invalid(name, error)
    }
    return nil
  }

  private var isStreaming: Bool {
    if case .streaming = phase { true } else { false }
  }

  private mutating func note(_ name: ObjectName) {
    guard isStreaming else { return }
    seen.insert(name)
    knowsAny = true
  }

  /// While objects come of which there are more to come, their versions mean nothing: they are in the order of names.
  private mutating func moved(to version: String) {
    if case .watching = phase { phase = .watching(from: version) }
  }

  private mutating func complete(at version: String) -> WatchChange {
    defer { seen = [] }
    knowsAny = true
    phase = .watching(from: version)
    return .complete(seen)
  }

  /// The watch has ended as watches do, at the end of a line.
  mutating func ended(at now: Duration) {
    if case .watching = phase, hasProgress || now - began >= settings.shortestWatch { return }
    failed(.endedEarly, at: now)
  }

  /// A request has failed, or what it had begun to bring has ended.
  mutating func failed(_ failure: WatchFailure, at now: Duration) {
    if case .streaming = phase, [400, 422].contains(failure.status?.code) {
      // Before 1.27, without the feature gate, and of aggregated servers. Nothing is wrong.
      hasWatchList = false
      phase = .unlisted
      return
    }
    // A version that is too old is in the nature of things; and yet it waits, as all clients find that out together.
    if !failure.isGone { note(failure, at: now) }
    let wait = backOff.failed(at: now, retryAfter: failure.status?.retryAfter, fraction: fraction())
    resumption = now + wait
    phase = phaseAfter(failure)
  }

  private func phaseAfter(_ failure: WatchFailure) -> Phase {
    switch phase {
    case .unlisted, .streaming: failure.isOfWatchList ? .listing(Pages()) : .unlisted
    case .listing(let pages): failure.isGone ? .listing(Pages(isWhole: pages.continuation != nil)) : phase
    case .watching: failure.spoilsVersion ? .unlisted : phase
    }
  }

  private mutating func note(_ failure: WatchFailure, at now: Duration) {
    problem = SourceProblem(
      subject: resource.name, message: failure.message(verb, resource), since: problem?.since ?? now)
  }

  /// What the agent must be allowed for what it is doing.
  private var verb: String {
    if case .listing = phase { "list" } else { "watch" }
  }

  private mutating func recover(at now: Duration) {
    problem = nil
    backOff.succeeded(at: now)
  }
}

extension WatchFailure {
  /// Whether a server might do better with a plain list than with a watch that begins with all objects: an etcd that is too old
  /// for it answers with an error, or not at all. One that is busy, or allows nothing, would not.
  fileprivate var isOfWatchList: Bool {
    switch self {
    case .refused(let status): ![401, 403, 429, 503].contains(status.code)
    case .silent, .endedEarly, .lineTooLong, .undecodable: true
    case .noAnswer, .cut, .pageTooLong: false
    }
  }

  /// Whether going on from the last version would only fail again.
  fileprivate var spoilsVersion: Bool {
    switch self {
    case .refused: isGone
    case .lineTooLong, .undecodable: true
    case .noAnswer, .cut, .silent, .endedEarly, .pageTooLong: false
    }
  }
}
