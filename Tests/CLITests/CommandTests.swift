import ArgumentParser
import Foundation
import StatsAPI
import Testing

@testable import CLI

@Suite("The subcommands", .timeLimit(.minutes(1)))
struct CommandTests {
  @Test("They print their tables")
  func tables() async throws {
    try await withAgent { socket in
      let at = ["--socket", socket]
      for (verb, table) in try [
        (StatusCommand.parse(at), statusText(.sample, color: false)),
        (ServicesCommand.parse(at), servicesText(.sample, color: false)),
        (ConnectionsCommand.parse(at), connectionsText(.sample, color: false)),
      ] as [(any Verb, String)] {
        #expect(await Console.run(verb) == (table, "", 0))
      }
    }
  }

  @Test("With --json they print what the agent answers, pretty")
  func json() async throws {
    try await withAgent { socket in
      let arguments = ["--socket", socket, "--json"]
      let status = try await Console.run(StatusCommand.parse(arguments)).output
      #expect(try status == ContractJSON.text(of: Status.sample, pretty: true) + "\n")
      let services = try await Console.run(ServicesCommand.parse(arguments)).output
      #expect(try services == ContractJSON.text(of: ServiceList(services: .sample), pretty: true) + "\n")
      let connections = try await Console.run(ConnectionsCommand.parse(arguments)).output
      #expect(try connections == ContractJSON.text(of: ConnectionList(connections: .sample), pretty: true) + "\n")
      let reply = try await Console.run(DrainCommand.parse(arguments + ["--service", "shop/cart"])).output
      #expect(reply == "{\n  \"queued\" : 12\n}\n")
    }
  }

  @Test("Connections can be narrowed to a Service")
  func filter() async throws {
    try await withAgent { socket in
      let output = try await Console.run(
        ConnectionsCommand.parse(["--socket", socket, "--service", "shop/web"])
      ).output
      #expect(output == connectionsText([Connection].sample.filter { $0.name == "web" }, color: false))
      let other = try await Console.run(ConnectionsCommand.parse(["--socket", socket, "--service", "web/web"]))
      #expect(other.output == "No connections.\n")
    }
  }

  @Test("A drain says what was queued")
  func drain() async throws {
    let agent = SampleAgent()
    try await withAgent(agent) { socket in
      for (option, value, answer) in [
        ("--service", "shop/cart", "queued 12 connections of Service shop/cart\n"),
        ("--endpoint", "[fd00:0::1]:80", "queued 12 connections of endpoint [fd00::1]:80\n"),
        ("--connection", "4711", "queued 1 connection of connection 4711\n"),
      ] {
        #expect(try await Console.run(DrainCommand.parse(["--socket", socket, option, value])).output == answer)
      }
      let unknown = try await Console.run(DrainCommand.parse(["--socket", socket, "--connection", "404"]))
      #expect(unknown == ("", "evenkeel: no such connection 404\n", 65))
    }
    #expect(agent.requests.count == 3)
  }

  @Test(
    "A drain of none, of two, or of what is malformed is a usage error",
    arguments: [
      [], ["--service", "a/b", "--connection", "1"], ["--service", "cart"], ["--endpoint", "10.0.0.1"],
      ["--endpoint", "fd00::1:80"], ["--connection", "-1"], ["--connection", "x"],
    ])
  func badDrain(arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try DrainCommand.parse(arguments) }
    #expect(error.map { DrainCommand.exitCode(for: $0) } == .usage)
  }

  @Test("Without an agent the message says so, and the exit code is 69")
  func noAgent() async throws {
    let path = "/tmp/evenkeel-nothing-here.sock"
    let message = "evenkeel: no agent answers on \(path): is it running? Name its socket with --socket\n"
    for verb in try [
      StatusCommand.parse(["--socket", path]), ServicesCommand.parse(["--socket", path]),
      ConnectionsCommand.parse(["--socket", path]), TopCommand.parse(["--socket", path]),
      DrainCommand.parse(["--socket", path, "--connection", "1"]),
    ] as [any Verb] {
      #expect(await Console.run(verb) == ("", message, 69))
    }
  }

  @Test(
    "Every failure has its exit code",
    arguments: [
      (StatsClientError.noAgent(path: "/s"), ExitCode.unavailable),
      (.timedOut(path: "/s", after: .seconds(5)), .unavailable),
      (.failed(path: "/s", problem: "no agent"), .unavailable),
      (.refused(status: 503, problem: "draining is off"), .unavailable),
      (.refused(status: 404, problem: "no such Service"), .badData),
      (.refused(status: 400, problem: "malformed"), .badData),
      (.notPermitted(path: "/s", problem: "only root"), .notPermitted),
      (.pathTooLong(path: "/s", limit: 107), .usage),
    ])
  func exitCodes(error: StatsClientError, code: ExitCode) {
    #expect(error.exitCode == code)
  }

  @Test("A probe prints nothing; its exit code is 0 or 1")
  func probes() async throws {
    var status = Status.sample
    status.ready = false
    try await withAgent(SampleAgent(status: status)) { socket in
      for (probe, code) in [("--probe", 0), ("--probe=healthz", 0), ("--probe=readyz", 1)] as [(String, Int32)] {
        let command = try StatusCommand.parse([probe, "--socket", socket])
        #expect(await Console.run(command) == ("", "", code))
      }
    }
    #expect(try await Console.run(StatusCommand.parse(["--probe", "--socket", "/tmp/no.sock"])) == ("", "", 1))
    #expect(throws: (any Error).self) { try StatusCommand.parse(["--probe=livez"]) }
  }

  @Test("Control characters in an agent's message do not reach the terminal")
  func hostileMessage() async throws {
    let path = "/tmp/\u{1B}[2J"
    let errors = try await Console.run(StatusCommand.parse(["--socket", path])).errors
    #expect(errors.hasPrefix("evenkeel: no agent answers on /tmp/\u{FFFD}[2J: "))
  }

  @Test("Colour is for a terminal, unless NO_COLOR is set or the terminal has none")
  func color() async throws {
    let terminal = try Terminal()
    let cases: [(terminal: CInt?, variables: [String: String], isColored: Bool)] = [
      (terminal.descriptor, ["TERM": "xterm"], true),
      (terminal.descriptor, ["TERM": "xterm", "NO_COLOR": ""], true),
      (terminal.descriptor, ["TERM": "xterm", "NO_COLOR": "0"], false),
      (terminal.descriptor, ["TERM": "dumb"], false),
      (nil, ["TERM": "xterm"], false),
    ]
    try await withAgent { socket in
      let command = try StatusCommand.parse(["--socket", socket])
      for (descriptor, variables, isColored) in cases {
        let output = await Console.run(command, terminal: descriptor, variables).output
        #expect(output.contains("\u{1B}") == isColored, "\(variables)")
      }
    }
  }
}
