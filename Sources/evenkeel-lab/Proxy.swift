import FoundationEssentials
import Lab

/// The proxies, with the least configuration that does the same: HTTP/2 in the clear in and out, round robin, nothing
/// written about requests, as many threads as they take by themselves.
enum Proxy: String, CaseIterable, Sendable {
  case haproxyTCP = "haproxy-tcp"
  case haproxyHTTP = "haproxy-http2"
  case nginx
  case envoy

  var name: String {
    switch self {
    case .haproxyTCP: "HAProxy, TCP"
    case .haproxyHTTP: "HAProxy, HTTP/2"
    case .nginx: "nginx, grpc_pass"
    case .envoy: "Envoy, round robin"
    }
  }

  /// Where they listen: for the first pod, and for all.
  static let one = "127.0.0.1:9001"
  static let all = "127.0.0.1:9002"

  /// Returns when it listens, whether or not there is anyone behind it.
  func start(
    in container: Pod, directory: String, programs: BenchSettings, one: [String], all: [String]
  ) async throws -> RunningProgram {
    let program = try await launch(in: container, directory: directory, programs, one: one, all: all)
    let port = Self.all.split(separator: ":")[1]
    try await eventually("\(name) to listen", within: .seconds(30), every: .milliseconds(20)) {
      guard program.isRunning else { throw TrialFailure("\(name) has ended: \(program.errorOutput.suffix(1000))") }
      return try await container.run(["ss", "-Hltn", "sport = :\(port)"]).isEmpty == false
    }
    return program
  }

  private func launch(
    in container: Pod, directory: String, _ programs: BenchSettings, one: [String], all: [String]
  ) async throws -> RunningProgram {
    let groups = [("one", Self.one, one), ("all", Self.all, all)]
    let file = "\(directory)/\(rawValue).conf"
    switch self {
    case .haproxyTCP, .haproxyHTTP:
      try write(haproxy(groups), to: file)
      return try await container.start([programs.haproxy, "-db", "-f", file], name: name)
    case .nginx:
      try write(nginx(groups, directory: directory), to: file)
      return try await container.start([programs.nginx, "-e", "stderr", "-p", directory, "-c", file], name: name)
    case .envoy:
      for (name, _, pods) in groups { try Self.writeEndpoints(of: name, pods, in: directory) }
      try write(Self.envoy(groups, directory: directory), to: file + ".json")
      return try await container.start(
        [programs.envoy, "-c", file + ".json", "--log-level", "error", "--disable-hot-restart"], name: name)
    }
  }

  private func write(_ text: String, to file: String) throws {
    try Data(text.utf8).write(to: URL(filePath: file), options: .atomic)
  }

  private func haproxy(_ groups: [(name: String, listen: String, pods: [String])]) -> String {
    let (mode, proto) = self == .haproxyTCP ? ("tcp", "") : ("http", " proto h2")
    let head = """
      global
        maxconn 4000
      defaults
        mode \(mode)
        timeout connect 5s
        timeout client 60s
        timeout server 60s

      """
    return head
      + groups.map { group in
        """
        frontend in-\(group.name)
          bind \(group.listen)\(proto)
          default_backend to-\(group.name)
        backend to-\(group.name)
          balance roundrobin

        """
          + group.pods.enumerated().map { "  server pod-\($0) \($1)\(proto)\n" }.joined()
      }.joined()
  }

  private func nginx(_ groups: [(name: String, listen: String, pods: [String])], directory: String) -> String {
    // By default it ends a connection after 1,000 requests, which h2load does not take.
    let head = """
      daemon off;
      user root;
      pid \(directory)/nginx.pid;
      worker_processes auto;
      error_log stderr error;
      events { worker_connections 4096; }
      http {
        access_log off;
        keepalive_requests 1000000000;
        http2_max_concurrent_streams 1024;
        \(Self.temporaryPaths.map { "\($0)_temp_path \(directory)/nginx-\($0);" }.joined(separator: " "))

      """
    return head
      + groups.map { group in
        """
          upstream \(group.name) { \(group.pods.map { "server \($0);" }.joined(separator: " ")) keepalive 64; \
        keepalive_requests 1000000000; }
          server { listen \(group.listen) http2; location / { grpc_pass grpc://\(group.name); } }

        """
      }.joined() + "}\n"
  }

  /// Those that nginx makes when it starts, used or not: by default in a folder that only an installed one has.
  private static let temporaryPaths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]

  /// Tells a running Envoy which pods there are: it follows the file when another one takes its place.
  static func writeEndpoints(of name: String, _ pods: [String], in directory: String) throws {
    let endpoints = pods.compactMap { HostPort(argument: $0) }.map {
      "{\"endpoint\": {\"address\": \(socketAddress($0))}}"
    }
    let text = """
      {"version_info": "\(UInt32.random(in: .min ... .max))", "resources": [{
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "cluster_name": "\(name)",
        "endpoints": [{"lb_endpoints": [\(endpoints.joined(separator: ", "))]}]}]}
      """
    try Data(text.utf8).write(to: URL(filePath: "\(directory)/envoy-\(name).json"), options: .atomic)
  }

  private static func socketAddress(_ address: HostPort) -> String {
    "{\"socket_address\": {\"address\": \"\(address.host)\", \"port_value\": \(address.port)}}"
  }

  private static func envoy(
    _ groups: [(name: String, listen: String, pods: [String])], directory: String
  ) -> String {
    let listeners = groups.compactMap { group in HostPort(argument: group.listen).map { (group.name, $0) } }.map {
      """
      {"name": "\($0)", "address": \(socketAddress($1)), "filter_chains": [{"filters": [{
        "name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "\($0)", "codec_type": "HTTP2", "route_config": {"virtual_hosts": [{"name": "\($0)",
        "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "\($0)", "timeout": "0s"}}]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}}]}]}
      """
    }
    let clusters = groups.map { group in
      """
      {"name": "\(group.name)", "type": "EDS", "lb_policy": "ROUND_ROBIN", "connect_timeout": "5s",
        "eds_cluster_config": {"eds_config": {"resource_api_version": "V3",
        "path_config_source": {"path": "\(directory)/envoy-\(group.name).json"}}},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}}}}}
      """
    }
    return """
      {"node": {"id": "bench", "cluster": "bench"}, "static_resources": {
      "listeners": [\(listeners.joined(separator: ", "))], "clusters": [\(clusters.joined(separator: ", "))]}}
      """
  }
}
