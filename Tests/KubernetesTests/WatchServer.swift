import AsyncHTTPClient
import Foundation
import Logging
import Manifests
import NIOCore
import NIOHTTP1
import NIOSSL
import Subprocess
import Synchronization
import SystemPackage
import Testing

@testable import Kubernetes

/// A real API server, which `scripts/kubernetes` has started, and whose requests are recorded.
final class WatchServer: APITransport {
  /// Holds what `scripts/kubernetes.d/control` has made.
  private let folder: FilePath
  private let client: APIServerClient
  private let administrator: HTTPClient
  private let url: String
  private let state = Mutex(State())

  private struct State {
    var requests: [APIRequest] = []
    var observers: [UUID: AsyncStream<Void>.Continuation] = [:]
    /// What is done once, before a request that is such.
    var interruption: (isMeant: @Sendable (APIRequest) -> Bool, action: Action)?

    mutating func take(_ request: APIRequest) -> Action? {
      requests.append(request)
      observers.values.forEach { $0.yield() }
      guard let (isMeant, action) = interruption, isMeant(request) else { return nil }
      interruption = nil
      return action
    }
  }

  private typealias Action = @Sendable () async throws -> Void

  enum Kind: String, CaseIterable {
    case current
    /// With an etcd that is too old for watches that begin with all objects.
    case oldEtcd = "old-etcd"
  }

  /// The folder of a run of `scripts/kubernetes`.
  static let run = ProcessInfo.processInfo.environment["EVENKEEL_TEST_WATCH_SERVER"]

  private init(_ kind: Kind) async throws {
    folder = FilePath(try #require(Self.run)).appending(kind.rawValue)
    let kubeconfig = folder.appending("kubeconfig")
    client = try await APIServerClient(kubeconfig: kubeconfig, version: "test", logger: .silent)
    let settings = try APIServerSettings(kubeconfig: kubeconfig)
    url = "https://\(settings.server.hostAndPort)"
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = .file(folder.appending("ca.pem").string)
    tls.certificateChain = try NIOSSLCertificate.fromPEMFile(folder.appending("client.pem").string)
      .map { .certificate($0) }
    tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: folder.appending("client.key").string, format: .pem))
    administrator = HTTPClient(configuration: .init(tlsConfiguration: tls))
  }

  /// Lets `body` use a server that has no EndpointSlices to begin with.
  static func with(_ kind: Kind = .current, _ body: @Sendable (WatchServer) async throws -> Void) async throws {
    let server = try await WatchServer(kind)
    do {
      try await server.send("DELETE", slices)
      try await body(server)
    } catch {
      await server.shutdown()
      throw error
    }
    await server.shutdown()
  }

  private func shutdown() async {
    await client.shutdown()
    try? await administrator.shutdown()
  }

  /// Runs a list-and-watch of EndpointSlices while `body` does.
  func watched(
    lifetime: Duration = .seconds(300), pageSize: Int = 500,
    _ body: @Sendable (WatchRun<WatchServer>) async throws -> Void
  ) async throws {
    var settings = WatchSettings.quick
    settings.backOff.longest = .milliseconds(100)  // it may be away for seconds
    (settings.lifetime, settings.pageSize) = (lifetime...lifetime, pageSize)
    try await WatchRun.through(self, to: self, .endpointSlices, settings, body)
  }

  // MARK: What the list-and-watch asks

  func get(_ request: APIRequest) async throws -> APIResponse {
    let action = state.withLock { $0.take(request) }
    try await action?()
    return try await client.get(request)
  }

  var requests: [APIRequest] { state.withLock { $0.requests } }

  /// Does something once, when a request is made that is such, before the server has it.
  func interrupt(
    where isMeant: @escaping @Sendable (APIRequest) -> Bool, _ action: @escaping @Sendable () async throws -> Void
  ) {
    state.withLock { $0.interruption = (isMeant, action) }
  }

  /// Returns when the requests so far are such; at the latest when the task is cancelled.
  func waitForRequests(_ condition: ([APIRequest]) -> Bool) async {
    let (changes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let key = UUID()
    state.withLock { $0.observers[key] = signal }
    defer { state.withLock { $0.observers[key] = nil } }
    signal.yield()
    for await _ in changes where condition(requests) { return }
  }

  // MARK: What others do

  private static let slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"

  func create(_ slice: String) async throws { try await send("POST", Self.slices, slice) }

  /// Changes what an object holds, whatever its version is.
  func patch(_ name: String, _ patch: String) async throws {
    try await send("PATCH", "\(Self.slices)/\(name)", patch, type: "application/merge-patch+json")
  }

  func delete(_ name: String) async throws { try await send("DELETE", "\(Self.slices)/\(name)") }

  private func send(_ method: String, _ path: String, _ body: String = "", type: String = "application/json")
    async throws
  {
    var request = HTTPClientRequest(url: url + path)
    request.method = HTTPMethod(rawValue: method)
    request.headers.add(name: "Content-Type", value: type)
    if !body.isEmpty { request.body = .bytes(Array(body.utf8)) }
    let response = try await administrator.execute(request, timeout: .seconds(30))
    let answer = String(buffer: try await response.body.collect(upTo: 1 << 24))
    guard response.status.code < 300 else { throw Failure("\(method) \(path): \(response.status) \(answer)") }
  }

  func start() async throws { try await control("start") }

  func stop() async throws { try await control("stop") }

  /// Has etcd forget all history.
  func compact() async throws { try await control("compact") }

  /// Removes a slice from etcd, where the server need not notice.
  func deleteBehindItsBack(_ name: String) async throws {
    let prefix = "/registry/apiextensions.kubernetes.io/discovery.k8s.io/endpointslices/shop"
    let deleted = try await control("etcdctl", "del", "\(prefix)/\(name)")
    guard deleted.hasPrefix("1") else { throw Failure("etcd has no \(prefix)/\(name)") }
  }

  /// What `scripts/kubernetes.d/control` does.
  @discardableResult
  private func control(_ arguments: String...) async throws -> String {
    let result = try await Subprocess.run(
      .path(folder.appending("control")), arguments: .init(arguments), output: .string(limit: 1 << 16),
      error: .string(limit: 1 << 16))
    guard result.terminationStatus.isSuccess else {
      throw Failure("control \(arguments.joined(separator: " ")): \(result.standardError)")
    }
    return result.standardOutput
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
  }
}

extension APIRequest {
  func value(_ name: String) -> String? { query.first { $0.name == name }?.value }

  var asksForInitialEvents: Bool { value("sendInitialEvents") == "true" }
  var isWatch: Bool { value("watch") == "true" }
}
