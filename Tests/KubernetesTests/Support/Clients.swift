import Foundation
import Logging
import NIOCore
import Synchronization
import SystemPackage
import Testing

@testable import Kubernetes

/// A time of day that stands until a test moves it.
final class TestClock: Sendable {
  private let time = Mutex(Date(timeIntervalSince1970: 1_800_000_000))

  var now: @Sendable () -> Date { { self.time.withLock { $0 } } }

  /// - Parameter seconds: May be negative, as when an administrator sets the clock.
  func advance(by seconds: TimeInterval) { time.withLock { $0 += seconds } }

  /// So many seconds from now, as in an ExecCredential.
  func timestamp(in seconds: TimeInterval) -> String { now().addingTimeInterval(seconds).ISO8601Format() }
}

/// Runs a client of the settings while `body` does.
func withClient<Result>(
  _ settings: APIServerSettings, limits: APIServerClient.Limits = .init(), clock: TestClock = TestClock(),
  _ body: (APIServerClient) async throws -> Result
) async throws -> Result {
  let client = try await APIServerClient(
    settings, version: "1.2.3", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, limits: limits,
    now: clock.now)
  do {
    let result = try await body(client)
    await client.shutdown()
    return result
  } catch {
    await client.shutdown()
    throw error
  }
}

extension APIServerClient {
  /// The status of an answer, whose body is read to its end.
  func status(of path: String = "/api/v1/services") async throws -> Int {
    let response = try await get(APIRequest(path: path))
    for try await _ in response.body {}
    return response.status
  }
}

extension APIServerSettings {
  /// 127.0.0.1, in plain HTTP.
  static func plain(_ server: TestServer) -> APIServerSettings {
    APIServerSettings(source: "a test", server: ServerAddress(usesTLS: false, host: "127.0.0.1", port: server.port))
  }

  /// 127.0.0.1 or another name of it, with TLS.
  static func secure(_ server: TestServer, host: String = "127.0.0.1", authority: String) -> APIServerSettings {
    var settings = plain(server)
    settings.server = ServerAddress(usesTLS: true, host: host, port: server.port)
    settings.trust = .authority(.text(authority, "certificate-authority-data"))
    return settings
  }
}

extension Material {
  static func text(_ text: String, _ field: String) -> Material {
    Material(place: .inline(Array(text.utf8)), field: field, owner: "a test's settings")
  }

  static func file(_ path: FilePath, _ field: String) -> Material {
    Material(place: .file(path), field: field, owner: "a test's settings")
  }
}

/// A shell script as an exec plugin.
func plugin(_ script: String, in folder: Folder, version: String = "v1") throws -> ExecPlugin {
  try folder.write("#!/bin/sh\n\(script)\n", to: "plugin", mode: 0o700)
  return ExecPlugin(
    apiVersion: "client.authentication.k8s.io/\(version)", command: (folder / "plugin").string, owner: "user \"dev\"")
}

/// An ExecCredential in JSON.
func execCredential(_ status: String, version: String = "v1") -> String {
  #"{"apiVersion": "client.authentication.k8s.io/\#(version)", "kind": "ExecCredential", "status": \#(status)}"#
}

/// A yes or no that a test changes while a server runs.
final class Flag: Sendable {
  private let state: Mutex<Bool>

  init(_ value: Bool) { state = Mutex(value) }

  var value: Bool {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}
