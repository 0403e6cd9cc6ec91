/// A client of the matrix: how to run it, and what is known about it.
struct ClientKind: Sendable {
  /// For `--client`.
  let id: String
  let name: String
  /// A shell command that prints its version.
  let version: String
  /// The program, without the options that all share.
  let command: [String]
  /// False of a program that ends with its connection.
  var livesOn = true
  /// What is worth knowing, and needs no hand.
  var remark: String?
  /// As it comes, if that takes an option.
  var flags: [String] = []
  var hand: Hand?

  /// What it leaves to others, and what to do about it.
  struct Hand: Sendable {
    let advice: String
    /// The end of "With …".
    let remedy: String
    /// What takes the place of `ClientKind.flags`.
    var flags: [String] = []
    var agentFlags: [String] = []
    /// Seconds after which what was drained should be closed.
    var patience = 1
    /// Whether to see what it does with a server's own GOAWAYs, to tell whose fault it is.
    var isComparedWithServer = true
  }

  /// - Parameters:
  ///   - python: with the packages of Tests/Peers.
  ///   - peers: the folder Tests/Peers.
  ///   - programs: what `scripts/grpc-go` and `scripts/peers` have built.
  ///   - own: the path of `evenkeel-lab`.
  static func all(python: String, peers: String, programs: String, own: String) -> [ClientKind] {
    func script(_ name: String) -> [String] { [python, "-B", "\(peers)/\(name)"] }
    func printed(_ expression: String, of module: String) -> String {
      "'\(python)' -c 'import \(module); print(\(expression))'"
    }
    return [
      ClientKind(
        id: "grpcio", name: "grpcio (Python)", version: printed("grpc.__version__", of: "grpc"),
        command: script("grpcio_client.py")),
      ClientKind(
        id: "grpc++", name: "grpc++", version: "pkg-config --modversion grpc++", command: ["\(programs)/grpc-cpp"]),
      ClientKind(
        id: "ruby", name: "grpc (Ruby)", version: "ruby -e 'require \"grpc\"; puts GRPC::VERSION'",
        command: ["ruby", "\(peers)/grpc_ruby_client.rb"]),
      ClientKind(
        id: "grpc-go", name: "grpc-go",
        version: "sed -n 's/^const Version = \"\\(.*\\)\"/\\1/p' "
          + "\(programs)/source/usr/share/gocode/src/google.golang.org/grpc/version.go",
        command: ["\(programs)/grpc-go", "client"]),
      ClientKind(
        id: "grpc-java", name: "grpc-java", version: "dpkg-query -W -f '${Version}' libgrpc-java | sed 's/+.*//'",
        command: ["\(programs)/grpc-java"], hand: java),
      ClientKind(
        id: "grpc-swift", name: "grpc-swift",
        version: "sed -n '/\"grpc-swift-nio-transport\"/,/version/s/.*\"version\" : \"\\(.*\\)\"/transport \\1/p' "
          + "Package.resolved",
        command: [own, "call"], flags: ["--no-repair-goaway"], hand: swift),
      ClientKind(
        id: "node", name: "Node http2", version: "node --version | tr -d v",
        command: ["node", "\(peers)/node_client.mjs"],
        hand: node),
      ClientKind(
        id: "httpx", name: "httpx (Python)", version: printed("httpx.__version__", of: "httpx"),
        command: script("httpx_client.py"), hand: httpx),
      ClientKind(
        id: "libcurl", name: "libcurl (pycurl)",
        version: printed("pycurl.version.split()[1].split(chr(47))[1]", of: "pycurl"),
        command: script("curl_client.py"),
        remark: """
          does not look at a connection while nothing is in flight there, and so begins its next call on the drained \
          one. The server answers it.
          """),
      ClientKind(
        id: "nghttp", name: "nghttp", version: "nghttp --version | sed 's/.*nghttp2.//'",
        command: script("nghttp_client.py"), livesOn: false,
        // The GOAWAY comes in the middle of what it does, and it does nothing twice.
        flags: ["--concurrency", "2", "--stream-seconds", "1", "--pause-milliseconds", "0"]),
    ]
  }

  private static let java = Hand(
    advice: """
      It loses nothing, and leaves the drained connection open, idle: a gRPC server that sends GOAWAYs by itself \
      closes it in the end, and ours is not told. Nothing goes wrong by that, but sockets add up on both sides. Set \
      `--drain-grace` to somewhat more than your longest stream, and the agent closes what is left.
      """,
    remedy: "`--drain-grace 3s` (streams last 2 s)", agentFlags: ["--drain-grace", "3s"], patience: 4,
    isComparedWithServer: false)

  private static let swift = Hand(
    advice: """
      A call that it begins in the very moment in which a GOAWAY arrives is a stream too late. That is taken for an \
      error of the connection, which breaks off all streams on it; and until the new connection stands, calls fail \
      with `UNAVAILABLE`. Its own retry policy does not see those that found no connection. Make calls again that \
      failed with `UNAVAILABLE`, with a pause that doubles, and keep the error of the late stream from the connection: \
      `Sources/evenkeel-lab/GoAwayRepair.swift` does both in 50 lines.
      """,
    remedy: "these repairs")

  private static let node = Hand(
    advice: """
      Requests that are made between the frame's arrival and the `goaway` event are refused locally with \
      `NGHTTP2_REFUSED_STREAM`. They have never reached the wire and can be made again whatever they do, on a new \
      session, as grpc-js does by itself (transparent retry). With plain `node:http2`, do the same for \
      `ERR_HTTP2_GOAWAY_SESSION`, `ERR_HTTP2_INVALID_SESSION` and `ERR_HTTP2_SESSION_CLOSED`.
      """,
    remedy: "such retries", flags: ["--retry-refused"])

  private static let httpx = Hand(
    advice: """
      It takes any GOAWAY for the end: it closes the connection and fails all that is in flight there, although the \
      server is about to answer (RFC 9113 §6.8). It does so with `RemoteProtocolError: <ConnectionTerminated …>`, with \
      exceptions of the h2 package, which it lets through, or, for a call that it has lost sight of, not before its own \
      time-out: leave that on (5 s by default). Make calls again that can be made twice, from their beginning. Streams \
      that last longer than the drain interval never end this way, and some calls cannot be made twice: keep such a \
      Service from being drained with the annotation `evenkeel.io/mode: spread`.
      """,
    remedy: "such retries, and streams of 0.3 s", flags: ["--retry", "--stream-seconds", "0.3"])
}
