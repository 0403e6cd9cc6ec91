import ArgumentParser
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Lab

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "A grpc-swift server, as it runs in a pod: plaintext HTTP/2.",
    discussion: """
      Service and output are those of Tests/Peers/README.md: prints `ready PORT` when it listens. On SIGTERM it sends \
      GOAWAY, finishes what it has begun, prints what it has served, and ends.
      """)

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
