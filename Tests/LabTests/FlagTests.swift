import Glibc
import Lab
import StatsAPI
import Testing

@Suite("An agent's flags and signals at work", .serialized)
struct FlagTests {
  @Test("With a grace, a connection whose streams outlive its GOAWAY is closed, and no other")
  func grace() async throws {
    try await withLab(kubeProxy: false) { cluster in
      let server = try await cluster.addPods(1, named: "server")[0]
      let client = try await cluster.addPods(1, named: "client")[0]
      let service = try await cluster.addService("echo", ports: [grpcPort], pods: [server])
      _ = try await cluster.startAgent(
        Programs.evenkeel, ["--drain-interval", "0s", "--drain-pace", "100", "--drain-grace", "500ms"])
      try await server.start(Peer.grpcio.server(named: server.name)).waitUntilReady()
      // Each channel has a stream of 15 s.
      let load = try await client.start(Peer.grpcio.client(of: service.target(.ipv4), channels: 2, seconds: 1))
      try await eventually("responses on both connections", within: .seconds(20)) {
        let connections = try await cluster.stats.connections().connections
        return connections.count == 2 && connections.allSatisfy { $0.responses > 0 }
      }
      let victim = try #require(try await cluster.stats.connections().connections.first)
      #expect(try await cluster.stats.drain(.connection(victim.id)) == DrainReply(queued: 1))
      try await eventually("the end of the connection", within: .seconds(10)) {
        try await !cluster.stats.connections().connections.contains { $0.id == victim.id }
      }
      try await eventually("the count of closures", within: .seconds(10)) {
        try await cluster.stats.status().drain.closed == 1
      }
      // Its stream has failed, and that of the other connection arrived unbroken.
      let report = try await load.peerReport()
      #expect(report.failed == 1, "\(report.errors)")
      #expect(report.errors.keys.allSatisfy { $0.hasPrefix("Ticks") }, "\(report.errors)")
    }
  }

  @Test("SIGHUP has the manifests read again, also where no event has told of a change")
  func reload() async throws {
    try await withLab(kubeProxy: false, objects: .manifests) { cluster in
      let pods = try await cluster.addPods(1, named: "server")
      let service = try await cluster.addService("echo", ports: [grpcPort], pods: pods)
      let agent = try await cluster.startAgent(Programs.evenkeel)
      #expect(try await cluster.stats.services().services.map(\.port) == [80])

      // What is written through a mapping raises no event (inotify(7)) until the file is closed behind it.
      let manifest = try MappedFile(cluster.manifestPath(of: service))
      try manifest.replace("\"port\" : 80,", with: "\"port\" : 81,")
      agent.send(.hangUp)
      try await eventually("the Service's other port", within: .seconds(10)) {
        try await cluster.stats.services().services.map(\.port) == [81]
      }
      #expect(agent.isRunning)
      withExtendedLifetime(manifest) {}
    }
  }
}

/// A file that is mapped into memory, to be written to without the file system's noticing.
private struct MappedFile: ~Copyable {
  private let bytes: UnsafeMutableRawBufferPointer

  init(_ path: String) throws {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    try #require(descriptor >= 0, "open \(path): \(errno)")
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, SEEK_END))
    let address = try #require(mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0))
    try #require(address != MAP_FAILED, "map \(path): \(errno)")
    bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
  }

  deinit { munmap(bytes.baseAddress, bytes.count) }

  /// Replaces the only place where the text stands by another of the same length.
  func replace(_ old: String, with new: String) throws {
    try #require(old.utf8.count == new.utf8.count)
    let places = Array(bytes).ranges(of: Array(old.utf8))
    try #require(places.count == 1)
    bytes[places[0]].copyBytes(from: new.utf8)
  }
}
