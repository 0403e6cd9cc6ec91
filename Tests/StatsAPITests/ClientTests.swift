import Foundation
import Testing

@testable import StatsAPI

@Suite("The client", .timeLimit(.minutes(1)))
struct ClientTests {
  @Test("It reads what the server answers")
  func answers() async throws {
    try await withServer { socket in
      let client = StatsClient(socketPath: socket)
      #expect(try await client.status() == .sample)
      #expect(try await client.services() == ServiceList(services: [.sample]))
      #expect(try await client.connections() == ConnectionList(connections: [.sample]))
      #expect(try await client.drain(.connection(4711)) == DrainReply(queued: 3))
      try await client.probe(.healthz)
      try await client.probe(.readyz)
    }
  }

  @Test("A path may have any characters", arguments: ["With Space", "Ümläut", "percent%2F", "a?b#c@d:e[f]"])
  func unusualPath(name: String) async throws {
    try await withTemporaryDirectory { directory in
      let server = try StatsServer(socketPath: "\(directory)/\(name)", provider: SampleAgent(), logger: .silent)
      let run = Task { try await server.run() }
      let client = StatsClient(socketPath: "\(directory)/\(name)")
      #expect(try await client.status() == .sample)
      run.cancel()
      try await run.value
    }
  }

  @Test("What the agent refuses is told with its status and its words")
  func refusal() async throws {
    try await withServer(SampleAgent(isReady: false, drainAnswer: .failure(.notFound))) { socket in
      let client = StatsClient(socketPath: socket)
      await #expect(throws: StatsClientError.refused(status: 404, problem: "no such connection 7")) {
        try await client.drain(.connection(7))
      }
      let notReady = StatsClientError.refused(status: 503, problem: "not ready: not all of the input is in force yet")
      await #expect(throws: notReady) { try await client.probe(.readyz) }
    }
  }

  @Test("Where nobody serves a socket, no agent answers: no file, no directory, a dead agent's socket, a file")
  func noAgent() async throws {
    try await withTemporaryDirectory { directory in
      let dead = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
      try #require(withUnixAddress(of: "\(directory)/dead") { bind(dead, $0, $1) } == 0)
      close(dead)
      try Data().write(to: URL(filePath: "\(directory)/file"))
      let start = ContinuousClock.now
      for name in ["nothing", "no/directory", "dead", "file", "file/below"] {
        let path = "\(directory)/\(name)"
        await #expect(throws: StatsClientError.noAgent(path: path)) { try await StatsClient(socketPath: path).status() }
      }
      #expect(ContinuousClock.now - start < StatsClient(socketPath: "").timeout, "that is known at once")
    }
  }

  @Test("A path that is too long is told as such")
  func longPath() async {
    let path = "/" + String(repeating: "s", count: 107)
    await #expect(throws: StatsClientError.pathTooLong(path: path, limit: 107)) {
      try await StatsClient(socketPath: path).status()
    }
  }

  @Test(
    "What is no agent is told as such",
    arguments: ["", "hello\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 500 Oh\r\n\r\n"])
  func notAnAgent(answer: String) async throws {
    try await withTemporaryDirectory { directory in
      let path = "\(directory)/s.sock"
      let stranger = try Stranger(path: path, answer: answer)
      let error = await #expect(throws: StatsClientError.self) { try await StatsClient(socketPath: path).status() }
      guard case .failed(path, _) = error else {
        Issue.record("\(error as Any)")
        return
      }
      withExtendedLifetime(stranger) {}
    }
  }

  @Test(
    "No answer within the timeout, or only a part of one, is told as such",
    arguments: [nil, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{"])
  func timeout(part: String?) async throws {
    try await withTemporaryDirectory { directory in
      let path = "\(directory)/s.sock"
      let stranger = try Stranger(path: path, answer: part, closes: false)
      let timeout = Duration.milliseconds(200)
      await #expect(throws: StatsClientError.timedOut(path: path, after: timeout)) {
        try await StatsClient(socketPath: path, timeout: timeout).status()
      }
      withExtendedLifetime(stranger) {}
    }
  }
}

/// Listens on a socket, reads what comes on the first connection, answers anything, and closes it or not.
final class Stranger {
  private let listener: CInt

  init(path: String, answer: String?, closes: Bool = true) throws {
    let listener = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    try #require(withUnixAddress(of: path) { bind(listener, $0, $1) } == 0 && listen(listener, 8) == 0)
    Thread.detachNewThread {
      let connection = accept(listener, nil, nil)
      var request = [UInt8](repeating: 0, count: 4096)
      _ = recv(connection, &request, request.count, 0)
      if let answer { _ = send(connection, answer, answer.utf8.count, CInt(MSG_NOSIGNAL)) }
      if !closes { _ = recv(connection, &request, request.count, 0) }  // ends with the client
      close(connection)
    }
  }

  deinit { close(listener) }
}
