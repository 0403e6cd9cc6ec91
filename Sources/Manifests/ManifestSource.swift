public import Balancing
import Synchronization
public import SystemPackage

/// Manifests at a path, a file or a directory of them, and their changes.
public final class ManifestSource: Sendable {
  private let path: FilePath
  private let selector: LabelSelector
  private let nodeName: String?
  /// Wakes `run`, while it runs.
  private let wake = Mutex<AsyncStream<Void>.Continuation?>(nil)

  /// How long to wait for further changes after the first, so that several files written one after the other are read
  /// together.
  private static let burst = Duration.milliseconds(50)

  /// - Parameters:
  ///   - path: A YAML or JSON file, or a directory: then all `*.yaml`, `*.yml` and `*.json` in it that are not hidden.
  ///   - selector: Which Services are taken, by their labels.
  ///   - nodeName: The Node whose zone is the cluster's, if it is among the manifests; nil: none.
  public init(path: FilePath, selector: LabelSelector = .everything, nodeName: String? = nil) {
    (self.path, self.selector, self.nodeName) = (path, selector, nodeName)
  }

  /// What the manifests say now.
  public func load() throws(ManifestError) -> Cluster {
    try ManifestFiles(at: path).cluster(selector, nodeName: nodeName)
  }

  /// Has `run` read the manifests again, also if no change was seen: some network file systems do not tell.
  public func reload() {
    wake.withLock { _ = $0?.yield() }
  }

  /// Calls `body` with what the manifests say, first at once and then whenever that has changed, until the task is
  /// cancelled or `body` throws. After a failure, what was there before is to stay in force.
  ///
  /// Where changes cannot be followed, a warning in the cluster says so, and `reload` still works. At most one `run` at a
  /// time.
  public func run(_ body: (Result<Cluster, ManifestError>) async throws -> Void) async throws {
    try await run(didRead: {}, body)
  }

  /// - Parameter didRead: called whenever the manifests have been read, also where nothing has changed.
  func run(didRead: () -> Void, _ body: (Result<Cluster, ManifestError>) async throws -> Void) async throws {
    let (changes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    wake.withLock { $0 = signal }
    defer { wake.withLock { $0 = nil } }
    var iterator = changes.makeAsyncIterator()
    var last: (snapshot: Snapshot, outcome: Result<Cluster, ManifestError>)?
    repeat {
      // Watched first and read then, so that no change falls in between.
      let watch = FolderWatch(await watchList()) { signal.yield() }
      let snapshot = await snapshot(watchFailure: watch.failure)
      if snapshot != last?.snapshot {
        let outcome = await snapshot.outcome(selector, nodeName: nodeName)
        let isNews = outcome != last?.outcome
        last = (snapshot, outcome)
        if isNews { try await body(outcome) }
      }
      didRead()
      guard await iterator.next(isolation: #isolation) != nil else { return }
      try? await Task.sleep(for: Self.burst)
      _ = consume watch
    } while !Task.isCancelled
  }

  /// A directory's files may be links to elsewhere.
  @concurrent private func watchList() async -> WatchList {
    let files = (try? ManifestFiles.manifests(in: path)) ?? []
    return ([path] + files).reduce(into: WatchList()) { $0.add(wayTo: $1) }
  }

  @concurrent private func snapshot(watchFailure: Errno?) async -> Snapshot {
    Snapshot(files: ManifestFiles(at: path), watchFailure: watchFailure)
  }
}

/// All that decides what a caller is told.
struct Snapshot: Sendable, Equatable {
  let files: ManifestFiles
  let watchFailure: Errno?

  @concurrent func outcome(_ selector: LabelSelector, nodeName: String?) async -> Result<Cluster, ManifestError> {
    Result { () throws(ManifestError) in try files.cluster(selector, nodeName: nodeName) }.map { cluster in
      guard let watchFailure else { return cluster }
      let warning = "Changes of manifests are not followed: inotify: \(watchFailure); SIGHUP reads them again"
      return cluster.adding(warning)
    }
  }
}
