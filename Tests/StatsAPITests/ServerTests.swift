import Foundation
import Logging
import ServiceLifecycle
import StatsAPI
import Testing

@Suite("The server", .timeLimit(.minutes(1)))
struct ServerTests {
  @Test(
    "Every path answers with its type and its content",
    arguments: [
      ("/v1/status", "application/json", #""uptime_seconds":5430.5"#),
      ("/v1/services", "application/json", #"{"services":[{"#),
      ("/v1/connections", "application/json", #"{"connections":[{"#),
      ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "evenkeel_up 1\n"),
      ("/healthz", "text/plain; charset=utf-8", "ok\n"),
      ("/readyz", "text/plain; charset=utf-8", "ok\n"),
    ])
  func paths(path: String, type: String, content: String) async throws {
    try await withServer { socket in
      let answer = try await RawClient(socket).request("GET", path)
      #expect(answer.status == 200)
      #expect(answer.header.contains("content-type: \(type)"))
      #expect(answer.body.contains(content), "\(answer.body)")
    }
  }

  @Test("Before all input is in force the agent lives and is not ready")
  func notReady() async throws {
    try await withServer(SampleAgent(isReady: false)) { socket in
      #expect(try await RawClient(socket).request("GET", "/healthz").status == 200)
      let answer = try await RawClient(socket).request("GET", "/readyz")
      #expect(answer.status == 503)
      #expect(answer.body == #"{"error":"not ready: not all of the input is in force yet"}"#)
    }
  }

  @Test("A drain request is handed to the agent; the answer is 202 and the number queued")
  func drain() async throws {
    let agent = SampleAgent()
    try await withServer(agent) { socket in
      for body in [#"{"service":"shop/cart"}"#, #"{"endpoint":"10.244.0.11:50051"}"#, #"{"connection":4711}"#] {
        let answer = try await RawClient(socket).request("POST", "/v1/drain", body: body)
        #expect(answer.status == 202)
        #expect(answer.body == #"{"queued":3}"#)
      }
    }
    #expect(
      agent.requests == [
        .service(namespace: "shop", name: "cart"), .endpoint("10.244.0.11:50051"), .connection(4711),
      ])
  }

  @Test(
    "Anything but exactly one thing to drain gets 400, what is wrong and what is allowed",
    arguments: [
      ("{}", "a request without a key"),
      (#"{"pod":"x"}"#, "unknown key pod"),
      (#"{"service":"a/b","connection":1}"#, "more than one key: connection, service"),
      (#"{"service":"cart"}"#, "service is not a string NAMESPACE/NAME"),
      (#"{"service":"a/b/c"}"#, "service is not a string NAMESPACE/NAME"),
      (#"{"service":"/b"}"#, "service is not a string NAMESPACE/NAME"),
      (#"{"service":7}"#, "service is not a string NAMESPACE/NAME"),
      (#"{"service":null}"#, "service is not a string NAMESPACE/NAME"),
      (#"{"endpoint":"10.0.0.1"}"#, "endpoint is not a string IP:PORT, as 10.0.0.1:80 or [fd00::1]:80"),
      (#"{"connection":"4711"}"#, "connection is not a whole number of 0 or more"),
      (#"{"connection":-1}"#, "connection is not a whole number of 0 or more"),
      (#"{"connection":1.5}"#, "connection is not a whole number of 0 or more"),
      ("", "not a JSON object"), ("{", "not a JSON object"), (#""x""#, "not a JSON object"),
      ("[]", "not a JSON object"),
    ])
  func badDrain(body: String, problem: String) async throws {
    let agent = SampleAgent()
    try await withServer(agent) { socket in
      let answer = try await RawClient(socket).request("POST", "/v1/drain", body: body)
      #expect(answer.status == 400)
      let allowed = #"{"service": "NAMESPACE/NAME"}, {"endpoint": "IP:PORT"} or {"connection": ID}"#
      #expect(try error(in: answer.body) == "\(problem): expected \(allowed)")
    }
    #expect(agent.requests == [])
  }

  @Test("What the agent does not know gets 404, and 503 where it does not drain")
  func refusedDrain() async throws {
    try await withServer(SampleAgent(drainAnswer: .failure(.notFound))) { socket in
      let answer = try await RawClient(socket).request("POST", "/v1/drain", body: #"{"service":"shop/cart"}"#)
      #expect(answer.status == 404)
      #expect(answer.body == #"{"error":"no such Service shop/cart"}"#)
    }
    try await withServer(SampleAgent(drainAnswer: .failure(.unavailable(reason: "the self-test failed")))) { socket in
      let answer = try await RawClient(socket).request("POST", "/v1/drain", body: #"{"connection":1}"#)
      #expect(answer.status == 503)
      #expect(answer.body == #"{"error":"draining is off: the self-test failed"}"#)
    }
  }

  @Test("A body of 64 KiB is read; one byte more gets 413")
  func largeBody() async throws {
    try await withServer { socket in
      let request = #"{"connection":1}"#
      let fits = request + String(repeating: " ", count: 65_536 - request.count)
      #expect(try await RawClient(socket).request("POST", "/v1/drain", body: fits).status == 202)
      let answer = try await RawClient(socket).request("POST", "/v1/drain", body: fits + " ")
      #expect(answer.status == 413)
      #expect(answer.body == #"{"error":"the body has more than 65536 bytes"}"#)
    }
  }

  @Test("An unknown path gets 404 with the known ones; a wrong method 405 with the right one")
  func unknown() async throws {
    try await withServer { socket in
      let missing = try await RawClient(socket).request("GET", "/v1/nothing")
      #expect(missing.status == 404)
      #expect(try error(in: missing.body).hasPrefix("no such path: /v1/nothing; there are /v1/status, "))

      let posted = try await RawClient(socket).request("POST", "/v1/status")
      #expect(posted.status == 405)
      #expect(posted.header.contains("allow: get"))
      #expect(posted.body == #"{"error":"/v1/status answers GET, not POST"}"#)
      #expect(try await RawClient(socket).request("GET", "/v1/drain").header.contains("allow: post"))
    }
  }

  @Test("A number that JSON cannot hold gets 500 with an error, and the server goes on")
  func notANumber() async throws {
    try await withServer(SampleAgent(imbalance: .nan)) { socket in
      let answer = try await RawClient(socket).request("GET", "/v1/services")
      #expect(answer.status == 500)
      #expect(try error(in: answer.body).hasPrefix("no JSON could be made"))
      #expect(try await RawClient(socket).request("GET", "/healthz").status == 200)
    }
  }

  @Test("What is not HTTP gets 400 and no harm is done")
  func garbage() async throws {
    try await withServer { socket in
      let client = try RawClient(socket)
      try await client.send("\u{1}\u{2}nonsense\r\n\r\n")
      #expect(await client.receiveAll().hasPrefix("HTTP/1.1 400 "))
      #expect(try await RawClient(socket).request("GET", "/healthz").status == 200)
    }
  }

  @Test("A shutdown takes less than a second, whatever the clients do, and removes the socket")
  func shutdown() async throws {
    try await withTemporaryDirectory { directory in
      let socket = "\(directory)/s.sock"
      let server = try StatsServer(socketPath: socket, provider: SampleAgent(), logger: .silent)
      let group = ServiceGroup(configuration: .init(services: [server], logger: .silent))
      async let ended: Void = group.run()

      let idle = try RawClient(socket)
      let half = try RawClient(socket)
      try await half.send("POST /v1/drain HTTP/1.1\r\nHost: agent\r\nContent-Length: 100\r\n\r\n{")
      let deaf = try RawClient(socket)
      try await deaf.send(String(repeating: "GET /v1/services HTTP/1.1\r\nHost: agent\r\n\r\n", count: 2000))
      #expect(try await RawClient(socket).request("GET", "/healthz").status == 200)

      let start = ContinuousClock.now
      await group.triggerGracefulShutdown()
      try await ended
      #expect(ContinuousClock.now - start < .seconds(1))
      #expect(!FileManager.default.fileExists(atPath: socket))
      #expect(await idle.receiveAll() == "")
      withExtendedLifetime((half, deaf)) {}
    }
  }

  @Test("Clients that connect in the very moment of a shutdown do no harm")
  func connectDuringShutdown() async throws {
    for _ in 1...200 {
      try await withTemporaryDirectory { directory in
        let socket = "\(directory)/s.sock"
        let server = try StatsServer(socketPath: socket, provider: SampleAgent(), logger: .silent)
        let run = Task { try await server.run() }
        #expect(try await RawClient(socket).request("GET", "/healthz").status == 200)
        let clients = await onOwnThread {
          let clients = (1...8).compactMap { _ in RawClient(ifListening: socket) }
          run.cancel()
          return clients + (1...8).compactMap { _ in RawClient(ifListening: socket) }
        }
        try await run.value
        for client in clients { #expect(await client.receiveAll() == "") }
      }
    }
  }

  @Test("A server runs once")
  func runsOnce() async throws {
    try await withTemporaryDirectory { directory in
      let server = try StatsServer(socketPath: "\(directory)/s.sock", provider: SampleAgent(), logger: .silent)
      let run = Task { try await server.run() }
      run.cancel()
      try await run.value
      await #expect(throws: StatsServerError.self) { try await server.run() }
    }
  }

  private func error(in body: String) throws -> String {
    let object = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: String]
    return try #require(object?["error"])
  }
}
