import ArgumentParser
import Balancing
import FoundationEssentials
import Manifests

/// Measures how an API server's lists become a cluster. Of interest in a release build only.
struct DecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode", abstract: "Measures how long the lists of an API server take to decode, and the memory.",
    shouldDisplay: false)

  @Option(help: "Services, with one EndpointSlice each.")
  var services = 10_000

  @Option(help: "Endpoints of each Service.")
  var endpoints = 10

  func run() throws {
    var measurement = Measurement(memoryBefore: memory())
    let pages = LargeCluster(services: services, endpointsPerService: endpoints)
    for page in pages.pages { try measurement.take(pages.serviceList(page)) }
    for page in pages.pages { try measurement.take(pages.endpointSliceList(page)) }
    measurement.finish()
    printLine("\(services) Services, \(services * endpoints) endpoints, \(measurement.bytes / 1_000_000) MB of JSON:")
    printLine("decoded in \(text(measurement.decoding)), taken in within \(text(measurement.cataloging)) more")
    let grown = (memory() - measurement.memoryBefore) / 1024
    printLine("memory grew by \(grown) MB, all that was needed in between included")
    let slice = try oneSlice()
    printLine("one EndpointSlice with \(slice.endpoints) endpoints: decoded in \(text(slice.decoding))")
  }

  /// The best of several: what it costs when nothing else is going on.
  private func oneSlice() throws -> (endpoints: Int, decoding: Duration) {
    let endpoints = 100
    let page = LargeCluster(services: 1, endpointsPerService: endpoints).endpointSliceList(0..<1)
    let best = try (0..<100).map { _ in
      try ContinuousClock().measure { _ = try decoder.list(page, source: "decode") }
    }.min()
    return (endpoints, best ?? .zero)
  }

  private func text(_ duration: Duration) -> String {
    "\((duration / .milliseconds(1) * 100).rounded() / 100) ms"
  }

  /// The most memory that the process has had, in kB.
  private func memory() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
  }
}

private let decoder = ManifestDecoder(unknownFields: .ignored)

private struct Measurement {
  let memoryBefore: Int
  private(set) var bytes = 0
  private(set) var decoding = Duration.zero
  private(set) var cataloging = Duration.zero
  private var catalog = Catalog()
  private var cluster = Cluster()

  init(memoryBefore: Int) { self.memoryBefore = memoryBefore }

  mutating func take(_ page: [UInt8]) throws {
    bytes += page.count
    let start = ContinuousClock.now
    let list = try decoder.list(page, source: "decode")
    if let problem = list.problems.first { throw ValidationError("\(problem)") }
    let decoded = ContinuousClock.now
    list.objects.forEach { catalog.set($0) }
    decoding += decoded - start
    cataloging += .now - decoded
  }

  mutating func finish() {
    cataloging += ContinuousClock().measure { cluster.apply(catalog.takeUpdate()) }
  }
}
