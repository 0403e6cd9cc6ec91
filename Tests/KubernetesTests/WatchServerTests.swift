import Manifests
import Testing

@testable import Kubernetes

/// What is tested with the scripted server elsewhere, with a real one.
@Suite(
  "Listing and watching a real server", .serialized, .timeLimit(.minutes(5)),
  .enabled(if: WatchServer.run != nil, "EVENKEEL_TEST_WATCH_SERVER names no servers; scripts/kubernetes starts them"))
struct WatchServerTests {
  @Test("all objects come together, and then each change: added, modified, deleted")
  func initialEvents() async throws {
    try await WatchServer.with { server in
      for name in ["a", "b"] { try await server.create(slice(name, of: "s", pods: [1])) }
      try await server.watched { run in
        #expect(await run.all() == "a b")
        try await server.create(slice("c", of: "s", pods: [1]))
        #expect(await run.change() == "changed: c")
        try await server.patch("c", #"{"endpoints":[{"addresses":["10.244.0.9"]}]}"#)
        #expect(await run.change() == "changed: c")
        try await server.delete("c")
        #expect(await run.change() == "deleted: c")
        #expect(server.requests.map(\.asksForInitialEvents) == [true])
      }
    }
  }

  @Test(
    "a server without objects is known to have none, with WatchList and without", arguments: WatchServer.Kind.allCases)
  func empty(kind: WatchServer.Kind) async throws {
    try await WatchServer.with(kind) { server in
      try await server.watched { #expect(await $0.all() == "") }
    }
  }

  @Test("slices without Service and those of another proxy are not told, and one that becomes such is gone")
  func selectors() async throws {
    try await WatchServer.with { server in
      let orphan = slice("orphan", of: "s", pods: [1]).replacing("service-name", with: "none")
      for each in [slice("a", of: "s", pods: [1]), orphan] { try await server.create(each) }
      try await server.watched { run in
        #expect(await run.all() == "a")
        try await server.patch("a", #"{"metadata":{"labels":{"service.kubernetes.io/service-proxy-name":"mesh"}}}"#)
        #expect(await run.change() == "deleted: a")
      }
    }
  }

  @Test("the server ends a watch when its time is over, and the next goes on from the last version")
  func endOfTime() async throws {
    try await WatchServer.with { server in
      try await server.watched(lifetime: .seconds(1)) { run in
        #expect(await run.all() == "")
        await server.waitForRequests { $0.count == 3 }
        try await server.create(slice("a", of: "s", pods: [1]))
        #expect(await run.change() == "changed: a")
        #expect(server.requests.map(\.asksForInitialEvents).prefix(3) == [true, false, false])
        #expect(server.requests.dropFirst().allSatisfy { $0.isWatch && $0.value("resourceVersion") != nil })
      }
    }
  }

  @Test("bookmarks move the version on, though nothing that is selected changes")
  func bookmarks() async throws {
    try await WatchServer.with { server in
      try await server.create(slice("a", of: "s", pods: [1]))
      try await server.watched(lifetime: .seconds(8)) { run in
        #expect(await run.all() == "a")
        await server.waitForRequests { $0.count == 2 }
        let orphan = slice("orphan", of: "s", pods: [1]).replacing("service-name", with: "none")
        try await server.create(orphan)
        await server.waitForRequests { $0.count == 3 }
        let versions = server.requests.compactMap { $0.value("resourceVersion") }.compactMap { Int($0) }
        #expect(versions.count == 2 && versions[1] > versions[0])
      }
    }
  }

  @Test("a server that is started anew has its watches go on, or all told again: nothing is gone")
  func restart() async throws {
    for kind in WatchServer.Kind.allCases {
      try await WatchServer.with(kind) { server in
        try await server.create(slice("a", of: "s", pods: [1]))
        try await server.watched { run in
          #expect(await run.all() == "a")
          try await server.stop()
          #expect(await run.problem() != nil)
          try await server.start()
          try await server.create(slice("b", of: "s", pods: [1]))
          var changes: [String] = []
          repeat { changes.append(try #require(await run.change())) } while run.names != "a b"
          #expect(!changes.contains { $0.hasPrefix("deleted") })
        }
      }
    }
  }

  @Test(
    "a version that is too old has all listed anew, and what went meanwhile is gone",
    arguments: WatchServer.Kind.allCases)
  func expired(kind: WatchServer.Kind) async throws {
    try await WatchServer.with(kind) { server in
      for name in ["a", "b", "c"] { try await server.create(slice(name, of: "s", pods: [1])) }
      try await server.watched { run in
        #expect(await run.all() == "a b c")
        try await server.lose("b")
        #expect(await run.all() == "a c")
        let again = server.requests.drop { !($0.isWatch && $0.value("resourceVersion") != nil) }
        #expect(again.contains { kind == .current ? $0.asksForInitialEvents : !$0.isWatch })
      }
    }
  }

  @Test("with an etcd that is too old, the server is listed, from its cache, and watched from there")
  func fallBack() async throws {
    try await WatchServer.with(.oldEtcd) { server in
      try await server.create(slice("a", of: "s", pods: [1]))
      try await server.watched { run in
        let why = await run.problem()
        #expect(why?.contains("500 InternalError a watch stream was requested by the client") == true)
        #expect(await run.problem() == nil)
        #expect(await run.all() == "a")
        try await server.create(slice("b", of: "s", pods: [1]))
        #expect(await run.change() == "changed: b")
        #expect(server.requests.map(\.isWatch) == [true, false, true])
        #expect(server.requests[1].value("resourceVersion") == "0")
      }
    }
  }

  @Test("500 slices come as they are: in one watch, or in pages, and again after the version was too old")
  func many() async throws {
    for kind in WatchServer.Kind.allCases {
      try await WatchServer.with(kind) { server in
        try await server.fill(500)
        try await server.watched(pageSize: 50) { run in
          #expect(await run.all().split(separator: " ").count == 500)
          try await server.lose("s250")
          #expect(await run.all().split(separator: " ").count == 499)
          #expect(server.requests.count { $0.value("continue") != nil } == (kind == .current ? 0 : 9))
        }
      }
    }
  }

  @Test("a list whose later pages are forgotten is begun anew, without limit")
  func goneContinuation() async throws {
    try await WatchServer.with(.oldEtcd) { server in
      try await server.fill(120)
      try await server.watched(pageSize: 50) { run in
        #expect(await run.all().split(separator: " ").count == 120)
        server.interrupt(where: { $0.value("continue") != nil }) { try await server.lose("s60") }
        try await server.lose("s50")
        #expect(await run.all().split(separator: " ").count == 118)
        let lists = server.requests.filter { !$0.isWatch && $0.value("resourceVersion") == nil }
        #expect(lists.map { $0.value("limit") } == ["50", "50", nil])
      }
    }
  }
}

extension WatchServer {
  /// Creates slices `s0`, `s1` and so on.
  fileprivate func fill(_ count: Int) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for first in 0..<8 {
        group.addTask {
          for number in stride(from: first, to: count, by: 8) {
            try await self.create(slice("s\(number)", of: "s", pods: [1, 2, 3]))
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// A slice goes while the server is away, and etcd forgets that it ever was there.
  ///
  /// Without the server's being away its watch cache would hide that: it answers from its own memory for whatever version
  /// it still has.
  fileprivate func lose(_ name: String) async throws {
    try await stop()
    try await deleteBehindItsBack(name)
    try await compact()
    try await start()
  }
}
