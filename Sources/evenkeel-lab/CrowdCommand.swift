import ArgumentParser
import Benchmark
import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix

/// Many connections that do next to nothing: for what an agent costs, not for what servers do.
struct CrowdCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "crowd", abstract: "Many idle HTTP/2 connections, on each of which one response has ended.",
    shouldDisplay: false, subcommands: [Serve.self, Connect.self])

  struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Answers each connection with SETTINGS and one response. Prints `ready` when it listens.")

    @Option(help: "The address to listen on.")
    var listen = HostPort.ipv6("::", port: 50051)

    func run() async throws {
      allowManyDescriptors()
      let end = await ProgramEnd()
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let server = try await ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: 4096)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(CrowdServer()) }
        }
        .bind(host: listen.host, port: listen.port).get()
      printLine("ready")
      await end.wait()
      try await server.close()
    }
  }

  struct Connect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Opens connections, and leaves those that get a GOAWAY.",
      discussion: """
        Prints `ready` when each has got its response, and `left SECONDS` when each has got a GOAWAY: the time of the \
        last by CLOCK_MONOTONIC. At its end, `reconnects JSON`: when it connected anew, by the same clock (see Events).
        """)

    @Option(help: "A server's address; several are taken in turn.")
    var target: [HostPort]

    @Option(help: "How many connections.")
    var connections = 1000

    @Flag(help: "Connect anew after a GOAWAY.")
    var reconnect = false

    func validate() throws {
      guard !target.isEmpty else { throw ValidationError("--target: at least one") }
    }

    func run() async throws {
      allowManyDescriptors()
      let end = await ProgramEnd()
      let crowd = Crowd(targets: target, size: connections, reconnects: reconnect)
      // At most as many at once as a server's backlog holds.
      for start in stride(from: 0, to: connections, by: 500) {
        try await withThrowingTaskGroup { group in
          for index in start..<min(start + 500, connections) { group.addTask { try await crowd.connect(index) } }
          try await group.waitForAll()
        }
      }
      await end.wait()
      guard reconnect else { return }
      let events = try await JSONEncoder().encode(crowd.reconnections)
      printLine("reconnects \(String(decoding: events, as: UTF8.self))")
    }
  }
}

/// As many as the process may have; whether that is enough, is seen.
private func allowManyDescriptors() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// What every server sends first, its SETTINGS and the acknowledgement of the client's; and a response: HEADERS of
/// stream 1 with END_STREAM and END_HEADERS, `:status: 200`.
private let greeting: [UInt8] =
  [0, 0, 0, 4, 0, 0, 0, 0, 0] + [0, 0, 0, 4, 1, 0, 0, 0, 0] + [0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88]

private final class CrowdServer: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: greeting)), promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// The connections of a client.
private actor Crowd {
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let targets: [HostPort]
  private let size: Int
  private let reconnects: Bool
  private var served = 0
  private var left = 0
  private(set) var reconnections = Events()

  init(targets: [HostPort], size: Int, reconnects: Bool) {
    (self.targets, self.size, self.reconnects) = (targets, size, reconnects)
  }

  /// - Parameter index: of the connection, from 0 on.
  nonisolated func connect(_ index: Int) async throws {
    let target = targets[index % targets.count]
    _ = try await ClientBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            CrowdClient { event in Task { try await self.note(event, of: index) } })
        }
      }
      .connect(host: target.host, port: target.port).get()
  }

  private func note(_ event: CrowdClient.Event, of index: Int) async throws {
    switch event {
    case .served:
      served += 1
      if served == size { printLine("ready") }
    case .goaway:
      left += 1
      if left == size { printLine("left \(monotonicSeconds())") }
      guard reconnects else { return }
      reconnections.add(at: monotonicSeconds())
      try await connect(index)
    }
  }
}

/// Counts bytes up to the end of the greeting; what comes then is a GOAWAY.
private final class CrowdClient: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  enum Event {
    case served, goaway
  }

  private let report: (Event) -> Void
  private var received = 0

  init(report: @escaping (Event) -> Void) { self.report = report }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let before = received
    received += unwrapInboundIn(data).readableBytes
    if before < greeting.count && received >= greeting.count { report(.served) }
    if before <= greeting.count && received > greeting.count {
      report(.goaway)
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
