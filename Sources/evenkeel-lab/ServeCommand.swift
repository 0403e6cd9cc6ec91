import ArgumentParser
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Lab

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "A grpc-swift server, as it runs in a pod: plaintext HTTP/2.",
    discussion: """
      Service and output are those of Tests/Peers/README.md: prints `ready PORT` when it listens. A second after \
      SIGTERM it sends GOAWAY, finishes what it has begun, prints what it has served, and ends.
      """)

  /// What is on the wire when a server of swift-nio-http2 (1.46) sends its own GOAWAY, it refuses, and takes the DATA
  /// behind it for an error of the connection, whose streams all break off (its issue 466, which mended HEADERS only).
  /// By then, its clients must be elsewhere: meanwhile its endpoint terminates, and that is drained.
  private static let shutdownDelay = Duration.seconds(1)

  @Option(help: "The address to listen on. `[::]` takes IPv4 as well.")
  var listen = HostPort.ipv6("::", port: 50051)

  @Option(help: "The name to answer with; in a pod, its name.")
  var name: String = ProcessInfo.processInfo.environment["POD_NAME"] ?? "server"

  @Option(help: "Seconds after which the server itself asks a connection to go away (two GOAWAYs); 0: never.")
  var maxAge = 0.0

  func validate() throws {
    guard maxAge >= 0 else { throw ValidationError("--max-age: not negative") }
  }

  func run() async throws {
    let transport = HTTP2ServerTransport.Posix(
      address: listen.socketAddress, transportSecurity: .plaintext,
      config: .defaults {
        $0.rpc.maxRequestPayloadSize = EchoMethod.largestMessage
        $0.connection.maxAge = maxAge > 0 ? .seconds(maxAge) : nil
      })
    let end = await ProgramEnd()
    let tally = LoadTally()
    try await withGRPCServer(transport: transport, services: [EchoService(name: name, tally: tally)]) { server in
      let bound = try await server.transport.listeningAddress
      guard let port = bound.ipv6?.port ?? bound.ipv4?.port else { return }
      printLine("ready \(port)")
      await end.wait()
      try await Task.sleep(for: Self.shutdownDelay)
    }
    try tally.print(.done)
  }
}

extension HostPort: CustomStringConvertible {
  var description: String {
    switch self {
    case .ipv4(let address, let port): "\(address):\(port)"
    case .ipv6(let address, let port): "[\(address)]:\(port)"
    }
  }
}
