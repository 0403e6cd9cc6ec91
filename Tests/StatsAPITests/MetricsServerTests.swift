import Balancing
import Foundation
import SystemPackage
import Testing

@testable import StatsAPI

@Suite("The metrics on a TCP port", .timeLimit(.minutes(1)))
struct MetricsServerTests {
  @Test(
    "The metrics and both probes are answered",
    arguments: [("/metrics", "evenkeel_up 1\n"), ("/healthz", "ok\n"), ("/readyz", "ok\n")])
  func open(path: String, content: String) async throws {
    try await withMetricsServer { port in
      let answer = try await RawClient(port: port).request("GET", path)
      #expect(answer.status == 200)
      #expect(answer.body.contains(content), "\(answer.body)")
    }
  }

  @Test("Before all input is in force, /readyz says so")
  func notReady() async throws {
    try await withMetricsServer(SampleAgent(isReady: false)) { port in
      try await expect("GET", "/readyz", 503, on: port)
      try await expect("GET", "/healthz", 200, on: port)
    }
  }

  @Test(
    "What shows addresses or changes something is unknown here, and the answer names what there is",
    arguments: [("GET", "/v1/status"), ("GET", "/v1/services"), ("GET", "/v1/connections"), ("POST", "/v1/drain")])
  func closed(method: String, path: String) async throws {
    let agent = SampleAgent()
    try await withMetricsServer(agent) { port in
      let answer = try await RawClient(port: port).request(method, path, body: #"{"connection":1}"#)
      #expect(answer.status == 404)
      #expect(answer.body == #"{"error":"no such path: \#(path); there are /metrics, /healthz, /readyz"}"#)
    }
    #expect(agent.requests == [])
  }

  @Test("Metrics are not to be posted to")
  func readOnly() async throws {
    try await withMetricsServer { port in
      try await expect("POST", "/metrics", 405, on: port)
    }
  }

  @Test("A port that is taken is an error that names it, and what to do")
  func taken() async throws {
    try await withMetricsServer { port in
      let address = try #require(SocketAddress("127.0.0.1:\(port)"))
      let error = await #expect(throws: StatsServerError.self) {
        try await MetricsServer(address: address, provider: SampleAgent(), logger: .silent)
      }
      #expect(error?.errno == .addressInUse)
      #expect(error?.description.contains("127.0.0.1:\(port)") == true)
      #expect(error?.description.contains("--metrics-address") == true)
    }
  }

  @Test("Of more connections than 64 at a time the further ones are closed; when one ends, there is room again")
  func crowd() async throws {
    try await withMetricsServer { port in
      var crowd: [RawClient] = []
      for _ in 1...MetricsServer.maxConnections {
        let client = try RawClient(port: port)
        try await client.send("GET /healthz HTTP/1.1\r\nHost: agent\r\n\r\n")
        #expect(await client.receive(until: "ok\n").hasSuffix("ok\n"))  // it is served, and stays open
        crowd.append(client)
      }
      #expect(try await RawClient(port: port).receiveAll() == "")
      crowd.removeLast()
      var answer = ""
      while !answer.hasSuffix("ok\n") {  // the server learns of the end a moment later
        let client = try RawClient(port: port)
        await client.trySend("GET /healthz HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")
        answer = await client.receiveAll()
      }
      withExtendedLifetime(crowd) {}
    }
  }

  @Test("With the server end its connections, and the port can be had again")
  func end() async throws {
    var left: (client: RawClient, port: UInt16)?
    try await withMetricsServer { port in
      let client = try RawClient(port: port)
      try await client.send("GET /healthz HTTP/1.1\r\nHost: agent\r\n\r\n")
      try await expect("GET", "/healthz", 200, on: port)
      left = (client, port)
    }
    let (client, port) = try #require(left)
    _ = await client.receiveAll()  // returns, for the connection has ended
    let again = try #require(SocketAddress("127.0.0.1:\(port)"))
    try await withMetricsServer(at: again) { port in
      try await expect("GET", "/healthz", 200, on: port)
    }
  }
}

/// Serves an agent on a port of 127.0.0.1 while `body` runs; without an address, on one that is free.
private func withMetricsServer(
  _ agent: SampleAgent = SampleAgent(), at address: SocketAddress? = nil, _ body: (_ port: UInt16) async throws -> Void
) async throws {
  let loopback = try #require(IPAddress("127.0.0.1"))
  let server = try await MetricsServer(
    address: address ?? SocketAddress(ip: loopback, port: 0), provider: agent, logger: .silent)
  try await withThrowingTaskGroup { group in
    group.addTask { try await server.run() }
    try await body(server.address.port)
    group.cancelAll()
    try await group.waitForAll()
  }
}

private func expect(_ method: String, _ path: String, _ status: Int, on port: UInt16) async throws {
  let answer = try await RawClient(port: port).request(method, path)
  #expect(answer.status == status, "\(method) \(path): \(answer.body)")
}
