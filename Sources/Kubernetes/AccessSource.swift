import FoundationEssentials
import Logging
import NIOSSL

/// What one request is made with.
struct Access: Sendable {
  var headers: [(name: String, value: String)]
  /// Nil: plain HTTP.
  var tls: TLSConfiguration?
  /// Counts up whenever the credentials have changed.
  var generation: Int
}

/// Keeps what requests are made with, and makes it anew as files are rotated and credentials expire.
actor AccessSource {
  /// For how long a file is taken to be as it was: as client-go does with token files (transport/token_source.go). Tokens
  /// of service accounts are replaced when 20 % of their life is left, at least 2 minutes before they expire.
  static let fileLifetime: TimeInterval = 60

  private let settings: APIServerSettings
  private let pluginLimit: Duration
  private let now: @Sendable () -> Date
  private let logger: Logger
  private var last: (access: Access, credentials: Credentials, read: Date)?
  private var issued: ExecCredential?
  /// At most one at a time: several requests may be refused at once, and one new token is enough for all.
  private var renewal: Task<Result<Access, APIServerError>, Never>?

  init(
    _ settings: APIServerSettings, pluginLimit: Duration, logger: Logger, now: @escaping @Sendable () -> Date
  ) {
    (self.settings, self.pluginLimit, self.logger, self.now) = (settings, pluginLimit, logger, now)
  }

  /// What the next request is to be made with.
  ///
  /// A file that cannot be read any more is no error as long as the server accepts what it said before.
  func access() async throws(APIServerError) -> Access {
    guard let last, issued?.hasExpired(at: now()) != true else { return try await issuedAnew() }
    // Read anew also if the clock was set back.
    guard abs(now().timeIntervalSince(last.read)) >= Self.fileLifetime else { return last.access }
    do {
      return try read()
    } catch {
      logger.warning("\(error); what was read before stays in use")
      return last.access
    }
  }

  /// What to repeat a request with that was refused; nil where there is nothing newer.
  ///
  /// - Parameter withPlugin: Whether the exec plugin is to give new credentials.
  func access(insteadOf refused: Access, withPlugin: Bool) async throws(APIServerError) -> Access? {
    if let last, last.access.generation > refused.generation { return last.access }
    let newest = withPlugin ? try await issuedAnew() : try read()
    return newest.generation > refused.generation ? newest : nil
  }

  /// Runs the plugin, where there is one, and reads the files.
  private func issuedAnew() async throws(APIServerError) -> Access {
    guard let plugin = settings.identity.plugin else { return try read() }
    let task = renewal ?? Task { await run(plugin) }
    renewal = task
    return try await task.value.get()
  }

  private func run(_ plugin: ExecPlugin) async -> Result<Access, APIServerError> {
    defer { renewal = nil }
    do throws(APIServerError) {
      issued = try await plugin.run(limit: pluginLimit, now: now)
      return .success(try read())
    } catch {
      return .failure(error)
    }
  }

  /// Reads the files, and makes new TLS settings only where they say something new: connections are kept for equal ones.
  private func read() throws(APIServerError) -> Access {
    let credentials = try settings.credentials(issued: issued)
    if let last, last.credentials == credentials {
      self.last?.read = now()
      return last.access
    }
    let access = Access(
      headers: settings.headers(credentials), tls: try settings.tlsConfiguration(credentials, issued: issued),
      generation: (last?.access.generation ?? 0) + 1)
    last = (access, credentials, now())
    return access
  }
}
