import Foundation
import Manifests
import MockAPIServer
import Testing

@testable import Kubernetes

@Suite("Listing and watching a server", .timeLimit(.minutes(2)))
struct ResourceWatchTests {
  @Test("all objects come together, and then each change: added, modified, deleted")
  func initialEvents() async throws {
    try await WatchRun.of(objects: [service("a"), service("b")]) { run in
      #expect(await run.all() == "a b")
      try run.server.put(service("c"))
      #expect(await run.change() == "changed: c")
      try run.server.put(service("c", port: 81))
      #expect(await run.change() == "changed: c")
      run.server.remove("services", "c", namespace: "shop")
      #expect(await run.change() == "deleted: c")
      #expect(run.server.requests.count == 1)
    }
  }

  @Test("a server without objects is known to have none")
  func empty() async throws {
    for support in MockAPIServer.WatchListSupport.allCases {
      try await WatchRun.of(.endpointSlices, .init(watchList: support)) { #expect(await $0.all() == "") }
    }
  }

  @Test("the first request asks for initial events, bookmarks, an end in five to ten minutes, and no foreign proxy's")
  func query() async throws {
    let selector = try LabelSelector("app=shop,tier!=db,x")
    try await WatchRun.of(.services(selector)) { run in
      _ = await run.all()
      let request = try #require(run.server.requests.first)
      var query = request.query
      let seconds = try #require(query.removeValue(forKey: "timeoutSeconds").flatMap { Int($0) })
      #expect((300...600).contains(seconds))
      #expect(request.path == "/api/v1/services")
      #expect(
        query == [
          "watch": "true", "allowWatchBookmarks": "true", "sendInitialEvents": "true",
          "resourceVersionMatch": "NotOlderThan",
          "labelSelector": "!service.kubernetes.io/service-proxy-name,app in (shop),tier notin (db),x",
        ])
    }
  }

  @Test("what another proxy serves is not asked for, and slices without Service neither; headless Services are")
  func selectors() async throws {
    let foreign = service("foreign", labels: ["service.kubernetes.io/service-proxy-name": "mesh"])
    let headless = service("h", labels: ["service.kubernetes.io/headless": ""], clusterIP: "None")
    try await WatchRun.of(objects: [service("a"), foreign, headless]) { #expect(await $0.all() == "a h") }
    let orphan = slice("orphan", of: "a", pods: []).replacingOccurrences(of: "service-name", with: "none")
    try await WatchRun.of(.endpointSlices, objects: [slice("s", of: "a", pods: [1]), orphan]) { run in
      #expect(await run.all() == "s")
    }
  }

  @Test("an object that is selected no more is gone")
  func deselected() async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      try run.server.put(service("a", labels: ["service.kubernetes.io/service-proxy-name": "mesh"]))
      #expect(await run.change() == "deleted: a")
    }
  }

  @Test(
    "a server without WatchList is listed, from its cache, and watched from there",
    arguments: [MockAPIServer.WatchListSupport.gateOff, .unknown, .oldStorage])
  func fallBack(support: MockAPIServer.WatchListSupport) async throws {
    try await WatchRun.of(.services(.everything), .init(watchList: support), objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      await run.server.waitForWatches(of: "services")
      try run.server.put(service("b"))
      #expect(await run.change() == "changed: b")
      let requests = run.server.requests
      #expect(requests.map(\.asksForInitialEvents) == [true, false, false])
      #expect(requests[1].query["resourceVersion"] == "0" && requests[1].query["limit"] == "500")
      #expect(run.versions == ["2"])
    }
  }

  @Test("a list in pages is whole, and of one moment")
  func pages() async throws {
    var settings = WatchSettings.quick
    settings.pageSize = 2
    let names = ["a", "b", "c", "d", "e"]
    try await WatchRun.of(
      .services(.everything), .init(watchList: .gateOff), objects: names.map { service($0) }, settings: settings
    ) { run in
      #expect(await run.all() == "a b c d e")
      await run.server.waitForWatches(of: "services")
      run.server.failWatches(code: 410, reason: "Expired")
      #expect(await run.all() == "a b c d e")
      let lists = run.server.requests.filter { !$0.isWatch }.dropFirst()
      #expect(lists.map { $0.query["limit"] } == ["2", "2", "2"])
      #expect(lists.map { $0.query["resourceVersion"] } == [nil, nil, nil])
      #expect(lists.map { $0.query["continue"] != nil } == [false, true, true])
    }
  }

  @Test("a list whose later pages are forgotten is begun anew, without limit")
  func goneContinuation() async throws {
    var settings = WatchSettings.quick
    settings.pageSize = 2
    try await WatchRun.of(
      .services(.everything), .init(watchList: .gateOff), objects: ["a", "b", "c"].map { service($0) },
      settings: settings
    ) { run in
      #expect(await run.all() == "a b c")
      await run.server.waitForWatches(of: "services")
      run.server.fail(.status(410, reason: "Expired")) { $0.query["continue"] != nil }
      run.server.failWatches(code: 410, reason: "Expired")
      #expect(await run.all() == "a b c")
      let lists = run.server.requests.filter { !$0.isWatch }.dropFirst()
      #expect(lists.map { $0.query["limit"] } == ["2", "2", nil])
    }
  }

  @Test("a version that is too old, said by the answer's status, has all listed anew")
  func goneAsStatus() async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      run.server.fail(.status(410, reason: "Expired")) { $0.query["resourceVersion"] != nil }
      run.server.endWatches()
      #expect(await run.all() == "a")
    }
  }

  @Test("a version that is too old, said by an event, has all listed anew")
  func goneAsEvent() async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      run.server.failWatches(code: 410, reason: "Expired")
      #expect(await run.all() == "a")
    }
  }

  @Test("what went while the server was away, and has been forgotten by it, is gone after the list")
  func goneMeanwhile() async throws {
    try await WatchRun.of(objects: [service("a"), service("b")]) { run in
      #expect(await run.all() == "a b")
      run.server.fail(.status(503, reason: "ServiceUnavailable"), count: .max)
      run.server.cutWatches()
      run.server.remove("services", "a", namespace: "shop")
      run.server.compact()
      run.server.clearFaults()
      #expect(await run.all() == "b")
    }
  }

  @Test("a list that fails, however it does, tells nothing; the first that succeeds tells all")
  func failingList() async throws {
    let faults: [Fault] = [
      .status(500, reason: "InternalError"), .status(429, reason: "TooManyRequests"), .cut(afterBytes: 0),
      .cut(afterBytes: 100), .text("<html>"), .text(#"{"kind":"ServiceList","apiVersion":"v1"}"#), .text(""),
      .errorEvent(500, reason: "InternalError"),
    ]
    for support in [MockAPIServer.WatchListSupport.supported, .gateOff] {
      try await WatchRun.of(.services(.everything), .init(watchList: support), objects: [service("a")]) { run in
        #expect(await run.all() == "a")
        await run.server.waitForWatches(of: "services")
        for fault in faults { run.server.fail(fault) { $0.query["resourceVersion"] == nil } }
        run.server.failWatches(code: 410, reason: "Expired")
        #expect(await run.all() == "a")
      }
    }
  }

  @Test(
    "a watch that is cut in the middle of a line goes on from the last whole event: nothing is lost, nothing doubled")
  func cutInLine() async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      try run.server.put(service("b"))
      run.server.cutWatches(after: #"{"type":"ADDED","object":{"kind":"Serv"#)
      #expect(await run.change() == "changed: b")
      try run.server.put(service("c"))
      #expect(await run.change() == "changed: c")
      #expect(run.versions == ["3"])
    }
  }

  @Test("an answer that ends within a line, with the connection whole, is as one that was cut")
  func endInLine() async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      run.server.fail(.text(#"{"type":"ADDED","object":{"kind":"Serv"#)) { $0.query["resourceVersion"] != nil }
      run.server.endWatches()
      #expect(await run.problem() == "watch of services: cut off: the answer ended within a line")
      try run.server.put(service("b"))
      #expect(await run.change() == "changed: b")
    }
  }

  @Test("events that arrive in pieces, and several at once, are each told once")
  func pieces() async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      let lines = ["b", "c", "d"].map { name in
        #"{"type":"ADDED","object":"#
          + service(name).replacingOccurrences(of: #""metadata":{"#, with: #""metadata":{"resourceVersion":"9","#)
          + "}\n"
      }
      let text = Array(lines.joined())
      for start in stride(from: 0, to: text.count, by: 101) {
        run.server.sendToWatches(String(text[start..<min(start + 101, text.count)]))
      }
      for name in ["b", "c", "d"] { #expect(await run.change() == "changed: \(name)") }
    }
  }

  @Test("a slice of 1,000 endpoints, half a million bytes, is one event")
  func largeSlice() async throws {
    try await WatchRun.of(.endpointSlices) { run in
      #expect(await run.all() == "")
      let pods = Array(repeating: Array(1...250), count: 4).flatMap(\.self)
      try run.server.put(slice("s", of: "a", pods: pods, annotation: String(repeating: "x", count: 450_000)))
      #expect(await run.change() == "changed: s")
    }
  }

  @Test("a line that is longer than any object is no event: all is listed anew")
  func longLine() async throws {
    var settings = WatchSettings.quick
    settings.longestLine = 10_000
    try await WatchRun.of(objects: [service("a")], settings: settings) { run in
      #expect(await run.all() == "a")
      run.server.sendToWatches(String(repeating: "x", count: 10_001))
      #expect(await run.problem()?.contains("an event of more than 10000 bytes") == true)
      #expect(await run.all() == "a")
      #expect(await run.problem() == nil)
    }
  }

  @Test(
    "a line that is no event: all is listed anew",
    arguments: ["no JSON", "{}", #"{"type":"ODD","object":{}}"#])
  func noEvent(line: String) async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      run.server.sendToWatches(line + "\n")
      #expect(await run.all() == "a")
    }
  }

  @Test("an object that means nothing valid is told as that, and spoils nothing else")
  func invalidObject() async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      try run.server.put(brokenService("b"))
      #expect(await run.change() == "invalid: b")
      try run.server.put(service("c"))
      #expect(await run.change() == "changed: c")
      #expect(run.server.requests.count == 1)
    }
  }

  @Test("bookmarks move the version from which a watch goes on, although none of its objects has changed")
  func bookmarks() async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      for number in 0..<5 { try run.server.put(node("n\(number)", zone: nil)) }
      run.server.sendBookmarks()
      run.server.cutWatches()
      await run.server.waitForRequests { $0.count >= 2 }
      #expect(run.versions == ["7"])
    }
  }

  @Test("a server ends a watch when its time is over, and the next goes on from there")
  func endOfTime() async throws {
    var settings = WatchSettings.quick
    settings.lifetime = .seconds(1)...(.seconds(1))
    try await WatchRun.of(objects: [service("a")], settings: settings) { run in
      #expect(await run.all() == "a")
      await run.server.waitForRequests { $0.count >= 3 }
      #expect(run.server.requests.allSatisfy { $0.query["timeoutSeconds"] == "1" })
      try run.server.put(service("b"))
      #expect(await run.change() == "changed: b")
    }
  }

  @Test("a watch whose connection has died without a word is given up after its time, and what was missed comes")
  func silentWatch() async throws {
    var settings = WatchSettings.quick
    settings.lifetime = .seconds(1)...(.seconds(1))
    settings.lifetimeMargin = .milliseconds(100)
    settings.silence = .seconds(1)
    try await withMockAPIServer { server in
      try server.put(service("a"))
      server.fail(.silenceAfterBeginning) { $0.isWatch }
      try await WatchRun.against(server, settings: settings) { run in
        #expect(await run.all() == "a")
        try server.put(service("b"))
        #expect(await run.problem()?.contains("nothing came for") == true)
        #expect(await run.change() == "changed: b")
        #expect(await run.problem() == nil)
      }
    }
  }

  @Test("a server that never answers, or begins to and stops, is asked again")
  func silentServer() async throws {
    var settings = WatchSettings.quick
    settings.silence = .milliseconds(200)
    for fault in [Fault.silence, .silenceAfterHead] {
      for support in [MockAPIServer.WatchListSupport.supported, .gateOff] {
        try await withMockAPIServer(.init(watchList: support)) { server in
          try server.put(service("a"))
          server.fail(fault) { $0.asksForInitialEvents == (support == .supported) }
          try await WatchRun.against(server, settings: settings) { #expect(await $0.all() == "a") }
        }
      }
    }
  }

  @Test("a server whose connections break is asked again, until it answers")
  func restart() async throws {
    try await WatchRun.of(objects: [service("a")]) { run in
      #expect(await run.all() == "a")
      for number in 0..<5 {
        await run.server.dropConnections()
        try run.server.put(service("s\(number)"))
        #expect(await run.change() == "changed: s\(number)")
      }
    }
  }

  @Test("no server at all is a problem that says so, and ends when there is one")
  func noServer() async throws {
    let server = try await MockAPIServer()
    await server.stop()
    let port = try #require(server.url.split(separator: ":").last.flatMap { Int($0) })
    try await WatchRun.against(server) { run in
      #expect(await run.problem()?.hasPrefix("watch of services: ") == true)
      let next = try await MockAPIServer(.init(port: port), objects: [service("a")])
      #expect(await run.all() == "a")
      #expect(await run.problem() == nil)
      await next.stop()
    }
  }

  @Test("credentials that are not accepted, and rights that are missing, are said with what to check")
  func refused() async throws {
    let forbidden = #"services is forbidden: User "system:serviceaccount:evenkeel:evenkeel" cannot watch resource"#
    try await withMockAPIServer { server in
      server.fail(.status(403, reason: "Forbidden", message: forbidden), count: 3)
      try await WatchRun.against(server) { run in
        #expect(
          await run.problem()
            == "watch of services: the API server answers 403 Forbidden \(forbidden); the agent's ClusterRole must "
            + "allow watch on services")
        #expect(await run.problem() == nil)
        #expect(await run.all() == "")
      }
    }
    try await WatchRun.of(.endpointSlices, .init(tokens: [])) { run in
      #expect(
        await run.problem()
          == "watch of endpointslices: the API server answers 401 Unauthorized Unauthorized; are the credentials still "
          + "valid?")
      run.server.setTokens(nil)
      #expect(await run.problem() == nil)
      #expect(await run.all() == "")
    }
  }

  @Test("Retry-After is taken from the header, and from the Status where there is none")
  func retryAfter() async throws {
    try await withMockAPIServer { server in
      try await withClient(.plain(server)) { client in
        let decoder = ManifestDecoder(unknownFields: .ignored)
        server.fail(.status(429, reason: "TooManyRequests", message: "slow \"down\"", retryAfter: 7))
        let response = try await client.get(APIRequest(path: "/api/v1/services"))
        #expect(
          await response.apiStatus(decoder)
            == APIStatus(code: 429, reason: "TooManyRequests", message: "slow \"down\"", retryAfter: .seconds(7)))
        server.fail(.status(503, reason: "ServiceUnavailable", retryAfter: 9))
        var bare = try await client.get(APIRequest(path: "/api/v1/services"))
        bare.retryAfter = nil
        #expect(await bare.apiStatus(decoder).retryAfter == .seconds(9))
      }
    }
  }
}
