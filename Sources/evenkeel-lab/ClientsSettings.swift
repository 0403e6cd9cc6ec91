import FoundationEssentials

/// How clients are drained.
struct ClientsSettings: Sendable {
  /// The path of `evenkeel`.
  let agent: String
  let python: String
  let peers: String
  /// How many GOAWAYs are enough.
  let drains: Int

  let servers = 3
  /// With `--drain-pace 100`, each of them can be drained once a second.
  let clients = 20
  /// Longer than a drain interval: on every drained connection, one is open.
  let streamSeconds = 2

  var agentFlags: [String] {
    [
      "--drain-interval", "500ms", "--drain-jitter", "10", "--drain-pace", "100", "--log-level", "warning",
    ]
  }

  /// httpx makes one call at a time on a connection unless the server says how many it may.
  var server: [String] { [python, "-B", "\(peers)/grpcio_server.py", "--max-streams", "100"] }

  /// The same with a maximum connection age of about what a connection reaches with `agentFlags`.
  var serverWithMaxAge: [String] { server + ["--max-age", "1"] }

  var captureReader: [String] { [python, "-B", "\(peers)/pcap_drains.py"] }

  /// What each client does: as much as two processor cores can take together with the servers and the agent.
  var load: [String] {
    [
      "--channels", "1", "--concurrency", "4", "--bodies", "1,1000,65536", "--pause-milliseconds", "250",
      "--streams", "1", "--stream-seconds", "\(streamSeconds)", "--tick-milliseconds", "100", "--seconds", "600",
    ]
  }

  /// For the document.
  var description: String {
    """
    \(clients) clients, each with one connection, call a Service of \(servers) grpcio servers: 4 unary calls at a time \
    and a stream of \(streamSeconds) s. An agent drains each connection about once a second \
    (`\(agentFlags.dropLast(2).joined(separator: " "))`) until there were at least \(drains) GOAWAYs. Every answer is \
    checked byte for byte, as far as the client lets one; times are read from a packet capture on the node. Clients \
    are as they come: no retry policy, and no option set that concerns GOAWAYs. All of this shared \
    \(ProcessInfo.processInfo.activeProcessorCount) processor cores: the longest times are as much the machine's as \
    the clients'.
    """
  }
}
