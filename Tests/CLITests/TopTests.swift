import ArgumentParser
import Foundation
import StatsAPI
import Synchronization
import Testing

@testable import CLI

@Suite("top", .timeLimit(.minutes(1)))
struct TopTests {
  @Test("Without a terminal one snapshot is printed")
  func snapshot() async throws {
    try await withAgent { socket in
      let output = try await Console.run(TopCommand.parse(["--socket", socket])).output
      #expect(output == servicesText(.sample, color: false))
    }
  }

  @Test("On a terminal the responses per second are drawn, and shares of them")
  func live() async throws {
    try await withAgent { socket in
      let terminal = try Terminal()
      async let ended: Void = run(on: terminal, socket)
      let first = await terminal.wait(for: "shop/db")
      #expect(first.hasPrefix("\u{1B}[?1049h"))
      #expect(first.contains("evenkeel: 2 Service ports, q to quit"))
      #expect(!terminal.isCooked)
      // The first endpoint answers 100 a look, the second 200.
      let second = await terminal.wait(for: " 67%")
      #expect(second.contains("RESPONSES/S") && second.contains(" 33%"), "\(second)")
      terminal.type("q")
      try await ended
      #expect(await terminal.wait(for: "\u{1B}[?1049l").hasSuffix("\u{1B}[?25h\u{1B}[?1049l"))
      #expect(terminal.isCooked)
    }
  }

  @Test("q, Q and ^C end it, other keys do not", arguments: ["q", "Q", "\u{3}", "x\u{1B}[Aq"])
  func keys(keys: String) async throws {
    try await withAgent { socket in
      let terminal = try Terminal()
      async let ended: Void = run(on: terminal, socket)
      await terminal.wait(for: "shop/db")
      terminal.type(keys)
      try await ended
      #expect(terminal.isCooked)
    }
  }

  @Test("A smaller window is drawn within its size")
  func resize() async throws {
    try await withAgent { socket in
      let terminal = try Terminal()
      async let ended: Void = run(on: terminal, socket)
      await terminal.wait(for: "shop/db")
      terminal.resize(columns: 30, rows: 5)
      kill(getpid(), SIGWINCH)
      let drawn = await terminal.wait(for: "… 4 more lines")
      let lines = drawn.split(separator: "\u{1B}[H").last?.split(separator: "\r\n", omittingEmptySubsequences: false)
      #expect(lines?.count == 5)
      #expect(lines?.allSatisfy { $0.replacing(/\u{1B}\[[0-9]*[A-Za-z]/, with: "").count <= 30 } == true, "\(drawn)")
      terminal.type("q")
      try await ended
    }
  }

  @Test("An agent that goes away is said to, and waited for")
  func agentGoesAway() async throws {
    try await withTemporaryDirectory { directory in
      let socket = "\(directory)/s.sock"
      let terminal = try Terminal()
      let top = Mutex<Task<Void, any Error>?>(nil)
      try await withAgent(at: socket) { socket in
        top.withLock { $0 = Task { try await run(on: terminal, socket) } }
        await terminal.wait(for: "shop/db")
      }
      let drawn = await terminal.wait(for: "no agent answers on \(socket)")
      #expect(drawn.contains("shop/db"))
      try await withAgent(at: socket) { _ in await terminal.wait(for: "q to quit") }
      terminal.type("q")
      try await top.withLock { $0 }?.value
    }
  }

  private func run(on terminal: Terminal, _ socket: String) async throws {
    let environment = CLI.Environment(
      output: { text in _ = write(terminal.descriptor, text, text.utf8.count) }, errors: { _ in },
      input: terminal.descriptor, terminal: terminal.descriptor, variables: ["TERM": "xterm", "NO_COLOR": "1"])
    try await TopCommand.parse(["--socket", socket]).run(in: environment)
  }
}
