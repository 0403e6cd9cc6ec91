import AsyncHTTPClient
import Balancing
import Foundation
import Logging
import Manifests
import MockAPIServer
import NIOCore
import NIOHTTP1
import Subprocess
import SystemPackage
import Testing

@testable import Kubernetes

/// The same, of the scripted server and of a real one: that the one behaves as the other does.
@Suite("Creating, scaling and deleting", .timeLimit(.minutes(2)))
struct ClusterTests {
  @Test("what is done through the scripted API server is known")
  func scripted() async throws {
    try await withMockAPIServer { server in
      try await withClient(.plain(server)) { client in
        try await scenario(client) { try await request($0, server.url + $1, $2) }
      }
    }
  }

  @Test(
    "what is done through a real API server is known",
    .enabled(if: kubeconfig != nil, "EVENKEEL_TEST_KUBECONFIG names no kubeconfig of a cluster for tests"))
  func real() async throws {
    let kubeconfig = try #require(kubeconfig)
    let client = try await APIServerClient(kubeconfig: FilePath(kubeconfig), version: "test", logger: .silent)
    do {
      try await scenario(client) { try await kubectl($0, $1, $2, kubeconfig: kubeconfig) }
    } catch {
      await client.shutdown()
      throw error
    }
    await client.shutdown()
  }

  /// Sends a request to the API: method, path, body.
  private typealias Send = @Sendable (_ method: String, _ path: String, _ body: String) async throws -> Void

  /// A Service without selector, whose slices are made here: no controller has a say in it.
  private func scenario(_ client: APIServerClient, _ send: @escaping Send) async throws {
    let name = "evenkeel-test-\(UUID().uuidString.lowercased().prefix(8))"
    let source = KubernetesSource(
      transport: client, nodeName: nil, settings: WatchSettings(), now: sinceStart, logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { group in
      let (states, tell) = AsyncStream.makeStream(of: Cluster.self)
      group.addTask {
        var cluster = Cluster()
        try await source.run { update in
          cluster.apply(update.cluster)
          tell.yield(cluster)
        }
      }
      try await live(name, states, send)
      #expect(source.problems.isEmpty)
      group.cancelAll()
    }
  }

  private func live(_ name: String, _ states: AsyncStream<Cluster>, _ send: Send) async throws {
    let services = "/api/v1/namespaces/default/services"
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    /// Until the Service has so many endpoints; nil: until there is none such.
    func waitFor(_ endpoints: Int?) async {
      let service = ServiceName(namespace: "default", name: name)
      _ = await states.first { $0.ports(of: service).first?.endpoints.count == endpoints }
    }
    func own(_ json: String) -> String { json.replacingOccurrences(of: "shop", with: "default") }

    await waitFor(nil)
    try await send("POST", services, own(service(name, clusterIP: "")))
    await waitFor(0)
    try await send("POST", slices, own(slice("\(name)-a", of: name, pods: [1, 2])))
    await waitFor(2)
    try await send("PUT", "\(slices)/\(name)-a", own(slice("\(name)-a", of: name, pods: [1, 2, 3, 4, 5])))
    await waitFor(5)
    try await send("POST", slices, own(slice("\(name)-b", of: name, pods: [5, 6])))
    await waitFor(6)
    try await send("DELETE", "\(slices)/\(name)-a", "")
    await waitFor(2)
    try await send("DELETE", "\(services)/\(name)", "")
    await waitFor(nil)
    try await send("DELETE", "\(slices)/\(name)-b", "")
  }
}

private let kubeconfig = ProcessInfo.processInfo.environment["EVENKEEL_TEST_KUBECONFIG"]

private func request(_ method: String, _ url: String, _ body: String) async throws {
  var request = HTTPClientRequest(url: url)
  request.method = HTTPMethod(rawValue: method)
  if !body.isEmpty { request.body = .bytes(Array(body.utf8)) }
  let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
  #expect((200...299).contains(response.status.code), "\(method) \(url): \(response.status)")
}

private func kubectl(_ method: String, _ path: String, _ body: String, kubeconfig: String) async throws {
  let verb = ["POST": "create", "PUT": "replace", "DELETE": "delete"][method] ?? method
  let file = body.isEmpty ? [] : ["-f", "-"]
  let result = try await Subprocess.run(
    .name("kubectl"), arguments: .init(["--kubeconfig", kubeconfig, verb, "--raw", path] + file),
    input: .string(body), output: .discarded, error: .string(limit: 1 << 16))
  #expect(result.terminationStatus.isSuccess, "kubectl \(verb) --raw \(path): \(result.standardError)")
}
