import Balancing
import Foundation
import SystemPackage
import Testing

@testable import Manifests

@Suite("Following manifests", .timeLimit(.minutes(2)))
struct ManifestSourceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Runs a source for as long as `body` does, which is given what the source tells, one by one.
  private func follow(
    _ name: String, didRead: @Sendable @escaping () -> Void = {},
    _ body: @Sendable (ManifestSource, inout Told.AsyncIterator) async throws -> Void
  ) async throws {
    let source = ManifestSource(path: folder / name)
    let (told, tell) = Told.makeStream()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await source.run(didRead: didRead) { tell.yield($0) } }
      var iterator = told.makeAsyncIterator()
      try await body(source, &iterator)
      group.cancelAll()
    }
  }

  private typealias Told = AsyncStream<Result<Cluster, ManifestError>>

  @Test("what is there is told at once")
  func first() async throws {
    try folder.write(service(), to: "a.yaml")
    try await follow("a.yaml") { _, told in #expect(await told.services() == ["cart"]) }
  }

  @Test("a file that is written again is read again")
  func writtenInPlace() async throws {
    try folder.write(service(), to: "a.yaml")
    try await follow("a.yaml") { _, told in
      #expect(await told.services() == ["cart"])
      try folder.write(service("front"), to: "a.yaml")
      #expect(await told.services() == ["front"])
    }
  }

  @Test("a file that another is renamed over is read again, and again")
  func renamedOver() async throws {
    try folder.write(service("s0"), to: "a.yaml")
    try await follow("a.yaml") { _, told in
      for round in 0..<3 {
        #expect(await told.services() == ["s\(round)"])
        try folder.replace("a.yaml", by: service("s\(round + 1)"))
      }
    }
  }

  @Test("files that appear in a directory, vanish from it or are renamed change the whole")
  func directory() async throws {
    try folder.write(service("a", ip: "10.96.0.1"), to: "a.yaml")
    try await follow("") { _, told in
      #expect(await told.services() == ["a"])
      try folder.write(service("b", ip: "10.96.0.2"), to: "b.yaml")
      #expect(await told.services() == ["a", "b"])
      try folder.remove("a.yaml")
      #expect(await told.services() == ["b"])
      try folder.rename("b.yaml", to: "b.yaml.off")
      #expect(await told.error()?.description.contains("holds no manifests") == true)
      try folder.rename("b.yaml.off", to: "b.yaml")
      #expect(await told.services() == ["b"])
      try folder.rename("b.yaml", to: "../b.yaml")
      #expect(await told.error()?.description.contains("holds no manifests") == true)
    }
  }

  @Test("a ConfigMap's update, which exchanges one link that all files go through, is seen", arguments: ["", "a.yaml"])
  func configMap(file: String) async throws {
    for (version, name) in [("..1", "old"), ("..2", "new")] {
      try folder.makeFolder("mount/\(version)")
      try folder.write(service(name), to: "mount/\(version)/a.yaml")
    }
    try folder.link("mount/..data", to: "..1")
    try folder.link("mount/a.yaml", to: "..data/a.yaml")
    try await follow("mount/" + file) { _, told in
      #expect(await told.services() == ["old"])
      try folder.link("mount/..data", to: "..2")
      try folder.remove("mount/..1")
      #expect(await told.services() == ["new"])
    }
  }

  @Test("a link on the way to the manifests may be exchanged, and may lead nowhere for a while")
  func linkOnTheWay() async throws {
    for (release, name) in [("r1", "old"), ("r2", "new")] {
      try folder.makeFolder("\(release)/conf")
      try folder.write(service(name), to: "\(release)/conf/a.yaml")
    }
    try folder.link("current", to: "r1")
    try await follow("current/conf") { _, told in
      #expect(await told.services() == ["old"])
      try folder.link("current", to: "r2")
      #expect(await told.services() == ["new"])
      try folder.rename("r2", to: "r3")
      #expect(await told.error()?.kind == .unreadable)
      try folder.rename("r3", to: "r2")
      #expect(await told.services() == ["new"])
    }
  }

  @Test("a file that a link leads to is followed where it really is")
  func linkedFile() async throws {
    try folder.makeFolder("manifests")
    try folder.makeFolder("elsewhere")
    try folder.write(service("old"), to: "elsewhere/a")
    try folder.link("manifests/a.yaml", to: "../elsewhere/a")
    try await follow("manifests") { _, told in
      #expect(await told.services() == ["old"])
      try folder.write(service("new"), to: "elsewhere/a")
      #expect(await told.services() == ["new"])
    }
  }

  @Test("a directory that vanishes is an error that says so; when it is back, all is well again")
  func vanishing() async throws {
    try folder.makeFolder("above/manifests")
    try folder.write(service(), to: "above/manifests/a.yaml")
    try await follow("above/manifests") { _, told in
      #expect(await told.services() == ["cart"])
      for (vanishing, back) in [("above/manifests", "above/away"), ("above", "away")] {
        try folder.rename(vanishing, to: back)
        let error = await told.error()
        #expect(error?.kind == .unreadable)
        #expect(error?.description == "\(folder / "above/manifests"): cannot be read: No such file or directory")
        try folder.rename(back, to: vanishing)
        #expect(await told.services() == ["cart"])
      }
    }
  }

  @Test("manifests that are not there at the start are read when they appear")
  func appearing() async throws {
    try await follow("not/yet/there.yaml") { _, told in
      #expect(await told.error()?.kind == .unreadable)
      try folder.makeFolder("not/yet")
      try folder.replace("not/yet/there.yaml", by: service())
      #expect(await told.services() == ["cart"])
    }
  }

  @Test("a broken file is an error; when it is mended, what it says is told, also if that is what was told before")
  func broken() async throws {
    try folder.write(service(), to: "a.yaml")
    try await follow("a.yaml") { _, told in
      #expect(await told.services() == ["cart"])
      try folder.replace("a.yaml", by: service().replacing("port: 80", with: "port: eighty"))
      #expect(await told.error()?.problems.map(\.location.line) == [4])
      try folder.replace("a.yaml", by: service())
      #expect(await told.services() == ["cart"])
    }
  }

  @Test("what changes nothing is not told: a touch, a comment, the same again, a reload")
  func unchanged() async throws {
    try folder.write(service("a"), to: "a.yaml")
    let (reads, read) = AsyncStream.makeStream(of: Void.self)
    try await follow("", didRead: { read.yield() }) { source, told in
      var reading = reads.makeAsyncIterator()
      #expect(await told.services() == ["a"])
      await reading.next()
      let file = (folder / "a.yaml").string
      let changes: [@Sendable () throws -> Void] = [
        { try FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: file) },
        { try folder.replace("a.yaml", by: "# a comment\n" + service("a")) },
        { try folder.replace("a.yaml", by: service("a")) },
        { source.reload() },
      ]
      for change in changes {
        try change()
        await reading.next()
      }
      try folder.write(service("b", ip: "10.96.0.2"), to: "b.yaml")
      #expect(await told.services() == ["a", "b"])
    }
  }

  @Test("files written in a burst are told together: at most one telling in 50 ms")
  func burst() async throws {
    try folder.write(service("s0", ip: "10.96.0.0"), to: "0.yaml")
    try await follow("") { _, told in
      #expect(await told.services() == ["s0"])
      let start = ContinuousClock.now
      // So many that they take longer to be written than one burst.
      var count = 1
      while start.duration(to: .now) < .milliseconds(120) {
        try folder.replace("\(count).yaml", by: service("s\(count)", ip: "10.96.\(count >> 8).\(count & 255)"))
        count += 1
      }
      var tellings = 1
      while let services = await told.services(), services.count < count { tellings += 1 }
      #expect(Double(tellings) <= start.duration(to: .now) / .milliseconds(50) + 1)
    }
  }

  @Test("a reload reads what nothing has told of: here a file that is still being written")
  func reload() async throws {
    try folder.write(service("old"), to: "a.yaml")
    try await follow("a.yaml") { source, told in
      #expect(await told.services() == ["old"])
      let file = try FileDescriptor.open(folder / "a.yaml", .writeOnly)
      defer { try? file.close() }
      try file.writeAll(Array(service("new").utf8))
      source.reload()
      #expect(await told.services() == ["new"])
    }
  }

  @Test("cancelling ends it, and it can run again")
  func cancelling() async throws {
    try folder.write(service(), to: "a.yaml")
    let source = ManifestSource(path: folder / "a.yaml")
    for _ in 0..<2 {
      let (told, tell) = Told.makeStream()
      let running = Task { try await source.run { tell.yield($0) } }
      var iterator = told.makeAsyncIterator()
      #expect(await iterator.services() == ["cart"])
      running.cancel()
      try await running.value
    }
  }

  @Test("an error of the caller's ends it")
  func callersError() async throws {
    try folder.write(service(), to: "a.yaml")
    await #expect(throws: Unexpected.self) {
      try await ManifestSource(path: folder / "a.yaml").run { _ in throw Unexpected() }
    }
  }
}

extension AsyncStream<Result<Cluster, ManifestError>>.AsyncIterator {
  /// The next telling's Services; nil for an error.
  fileprivate mutating func services() async -> [String]? {
    guard case .success(let cluster) = await next(isolation: #isolation) else { return nil }
    return cluster.servicePorts.map(\.service.name)
  }

  /// The next telling's error; nil for a success.
  fileprivate mutating func error() async -> ManifestError? {
    guard case .failure(let error) = await next(isolation: #isolation) else { return nil }
    return error
  }
}
