import ArgumentParser
import Lab

struct CallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call", abstract: "grpc-swift clients that call a server or a Service, and check every answer.",
    discussion: """
      Options and output are those of the clients in Tests/Peers/README.md. At SIGTERM, at the end of a pipe on \
      standard input and after --seconds, no new calls are begun; those in flight are finished. Exits with 1 if any \
      call failed.
      """)

  @Option(help: "HOST:PORT, or [IPV6]:PORT.")
  var target: HostPort

  @Option(help: "Clients, each with a TCP connection of its own.")
  var channels = 1

  @Option(help: "Unary calls at once on each channel.")
  var concurrency = 2

  @Option(
    help: "Bytes to ask for, in turn, after each Echo; empty: only Echo.", transform: Self.sizes)
  var bodies = [1, 100, 1_000, 16_379, 16_384, 65_535, 65_536, 300_000, 1_000_000, 4 << 20]

  @Option(help: "Between two calls of one of those.")
  var pauseMilliseconds = 0.0

  @Option(help: "Long server streams at once on each channel.")
  var streams = 1

  @Option(help: "How long those are.")
  var streamSeconds = 15.0

  @Option(help: "Between two messages of a long stream.")
  var tickMilliseconds = 100

  @Option(help: "No new calls after this time.")
  var seconds = 10.0

  @Option(help: "Between two lines of output.")
  var progressMilliseconds = 1000.0

  @Flag(inversion: .prefixedNo, help: "Do what grpc-swift 2.4 misses when a server sends GOAWAY (see GoAwayRepair).")
  var repairGoaway = true

  private static func sizes(_ text: String) throws -> [Int] {
    try text.split(separator: ",").map { part in
      guard let size = Int(part), (0...EchoMethod.largestMessage).contains(size) else {
        throw ValidationError("'\(part)' is no size from 0 to \(EchoMethod.largestMessage)")
      }
      return size
    }
  }

  func validate() throws {
    guard channels > 0, concurrency >= 0, streams >= 0 else {
      throw ValidationError("--channels: at least 1; --concurrency, --streams: not negative")
    }
    guard tickMilliseconds > 0, progressMilliseconds > 0 else {
      throw ValidationError("--tick-milliseconds, --progress-milliseconds: above 0")
    }
    guard seconds >= 0, streamSeconds >= 0, pauseMilliseconds >= 0 else {
      throw ValidationError("--seconds, --stream-seconds, --pause-milliseconds: not negative")
    }
  }

  func run() async throws {
    let tally = LoadTally()
    let load = Load(
      concurrency: concurrency, bodies: bodies, pause: .milliseconds(pauseMilliseconds), streams: streams,
      ticks: EchoTicks(
        milliseconds: tickMilliseconds, count: Int((streamSeconds * 1000 / Double(tickMilliseconds)).rounded())))
    let clients = try (0..<channels).map {
      try LoadClient(number: $0, target: target, repairsGoAway: repairGoaway, tally: tally)
    }
    let end = await ProgramEnd()
    let progress = Task { try await tally.printProgress(every: .milliseconds(progressMilliseconds)) }
    try await load.run(clients, for: .seconds(seconds), until: end)
    progress.cancel()
    _ = await progress.result
    try tally.print(.done)
    guard tally.report(.done).failed == 0 else { throw ExitCode.failure }
  }
}
