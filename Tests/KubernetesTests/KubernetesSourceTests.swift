import Balancing
import Foundation
import Manifests
import MockAPIServer
import Synchronization
import Testing

@testable import Kubernetes

@Suite("Following a cluster by its API server", .timeLimit(.minutes(2)))
struct KubernetesSourceTests {
  private let objects = [
    service("cart"), slice("cart-1", of: "cart", pods: [1, 2]), service("front"), node("n1", zone: "a"),
  ]

  @Test("the first update comes when all is known, and holds all of it")
  func first() async throws {
    try await SourceRun.of(objects) { run in
      let update = try #require(await run.next())
      #expect(update.isComplete)
      #expect(update.cluster.services.map(\.service.name) == ["cart", "front"])
      #expect(update.cluster.zone == "a")
      #expect(run.endpoints == ["cart": ["10.244.0.1:50051", "10.244.0.2:50051"], "front": []])
      #expect(run.source.problems.isEmpty)
    }
  }

  @Test("nothing is told before all is known: a list that is late is waited for")
  func late() async throws {
    try await withMockAPIServer { server in
      try server.put(objects)
      server.fail(.status(503, reason: "ServiceUnavailable"), count: .max) { $0.resource == "endpointslices" }
      try await SourceRun.against(server) { run in
        await server.waitForWatches(of: "services")
        await server.waitForRequests { $0.count { $0.resource == "endpointslices" } >= 3 }
        #expect(run.source.problems.map(\.subject) == ["endpointslices"])
        #expect(run.count == 0)
        server.clearFaults()
        #expect(await run.next()?.isComplete == true)
        #expect(run.endpoints["cart"]?.count == 2)
        #expect(run.source.problems.isEmpty)
      }
    }
  }

  @Test("a change is told of the Service that it touches, and of no other")
  func change() async throws {
    try await SourceRun.of(objects) { run in
      _ = await run.next()
      let before = sinceStart()
      try run.server.put(slice("cart-1", of: "cart", pods: [1, 2, 3]))
      let update = try #require(await run.next())
      #expect(!update.isComplete)
      #expect(update.cluster.services.map(\.service.name) == ["cart"])
      #expect(run.endpoints["cart"]?.count == 3)
      #expect(before <= update.seen && update.seen <= sinceStart())
      run.server.remove("services", "cart", namespace: "shop")
      #expect(await run.next()?.cluster.services == [ServiceUpdate(service: .init(namespace: "shop", name: "cart"))])
      #expect(run.endpoints.keys.sorted() == ["front"])
    }
  }

  @Test("what comes while an update is put in force is told together, with the time of the first")
  func burst() async throws {
    try await SourceRun.of(objects) { run in
      _ = await run.next()
      let gate = run.hold()
      try run.server.put(slice("cart-1", of: "cart", pods: [1]))
      _ = await run.next()  // is being put in force, until the gate is open
      let before = sinceStart()
      for pods in 1...20 {
        try run.server.put(slice("cart-1", of: "cart", pods: Array(1...pods)))
        try run.server.put(slice("front-\(pods)", of: "front", pods: [100 + pods]))
      }
      try run.server.put(brokenSlice("last"))
      // It is known once the events before it have arrived, which are told to nobody while the gate is closed.
      while run.source.problems.isEmpty { await Task.yield() }
      let after = sinceStart()
      gate.open()
      let update = try #require(await run.next())
      #expect(update.cluster.services.map(\.service.name) == ["cart", "front"])
      #expect(run.endpoints["cart"]?.count == 20 && run.endpoints["front"]?.count == 20)
      #expect(before <= update.seen && update.seen <= after)
    }
  }

  @Test("what changes nothing that matters is not told: an annotation, a label, a resourceVersion")
  func unimportant() async throws {
    try await SourceRun.of(objects) { run in
      _ = await run.next()
      try run.server.put(slice("cart-1", of: "cart", pods: [1, 2], annotation: "new"))
      try run.server.put(service("front", labels: ["tier": "web"]))
      try run.server.put(slice("cart-1", of: "cart", pods: [1]))
      #expect(await run.next()?.cluster.services.map(\.service.name) == ["cart"])
      #expect(run.endpoints["cart"]?.count == 1)
    }
  }

  @Test("slices that come before their Service, twice, or in another order amount to the same")
  func order() async throws {
    let slices = [slice("x", of: "cart", pods: [1, 2]), slice("y", of: "cart", pods: [2, 3])]
    for order in [slices, slices.reversed(), slices + slices] {
      try await SourceRun.of([]) { run in
        _ = await run.next()
        try run.server.put(order)
        try run.server.put(service("cart"))
        while run.endpoints["cart"]?.count != 3 { _ = await run.next() }
        #expect(run.endpoints["cart"] == (1...3).map { "10.244.0.\($0):50051" })
      }
    }
  }

  @Test("what went while there was no server is gone when there is one again, and what stayed is not told anew")
  func away() async throws {
    try await SourceRun.of(objects + [service("old")]) { run in
      _ = await run.next()
      run.server.fail(.status(503, reason: "ServiceUnavailable"), count: .max)
      run.server.cutWatches()
      run.server.remove("services", "old", namespace: "shop")
      run.server.compact()
      await run.server.waitForRequests { $0.count > 8 }
      #expect(Set(run.source.problems.map(\.subject)).isSuperset(of: ["services", "endpointslices"]))
      #expect(run.endpoints.keys.sorted() == ["cart", "front", "old"])
      run.server.clearFaults()
      let update = try #require(await run.next())
      #expect(update.cluster.services == [ServiceUpdate(service: .init(namespace: "shop", name: "old"))])
      #expect(!update.isComplete)
    }
  }

  @Test(
    "a Service that comes to mean nothing valid stays in force as it was, and is a problem until it is mended or gone")
  func invalid() async throws {
    try await SourceRun.of(objects) { run in
      _ = await run.next()
      try run.server.put(brokenService("cart"))
      try run.server.put(service("other"))
      _ = await run.next()
      #expect(run.source.problems.map(\.subject) == ["shop/cart"])
      #expect(run.source.problems.first?.message.contains("Service shop/cart: spec.ports[0].port") == true)
      #expect(run.endpoints["cart"]?.count == 2)
      try run.server.put(service("cart", port: 81))
      #expect(await run.next()?.cluster.services.map { $0.ports.map(\.port) } == [[81]])
      #expect(run.source.problems.isEmpty)
    }
  }

  @Test("a Service that means nothing valid in a list is a problem, and the others are told")
  func invalidInList() async throws {
    for support in [MockAPIServer.WatchListSupport.supported, .gateOff] {
      try await SourceRun.of(objects + [brokenService("odd")], .init(watchList: support)) { run in
        _ = await run.next()
        #expect(run.endpoints.keys.sorted() == ["cart", "front"])
        #expect(run.source.problems.map(\.subject) == ["shop/odd"])
        run.server.remove("services", "odd", namespace: "shop")
        try run.server.put(service("other"))
        _ = await run.next()
        #expect(run.source.problems.isEmpty)
      }
    }
  }

  @Test("Services are chosen by their labels, here and by the server")
  func selector() async throws {
    let chosen = service("chosen", labels: ["mesh": "evenkeel"])
    try await SourceRun.of([chosen] + objects, selector: try LabelSelector("mesh=evenkeel")) { run in
      _ = await run.next()
      #expect(run.endpoints.keys.sorted() == ["chosen"])
      let request = run.server.requests.first { $0.resource == "services" }
      #expect(request?.query["labelSelector"]?.hasSuffix(",mesh in (evenkeel)") == true)
    }
  }

  @Test("a node without zone, one that is not there, and one that may not be read: no zone, and all else works")
  func noZone() async throws {
    for (nodes, subjects) in [([node("n1", zone: nil)], []), ([], ["node n1"])] {
      try await SourceRun.of([service("cart")] + nodes) { run in
        #expect(await run.next()?.cluster.zone == nil)
        #expect(run.endpoints.keys.sorted() == ["cart"])
        #expect(run.source.problems.map(\.subject) == subjects)
      }
    }
    try await withMockAPIServer { server in
      try server.put(objects)
      server.fail(.status(403, reason: "Forbidden")) { $0.resource == "nodes" }
      try await SourceRun.against(server) { run in
        #expect(await run.next()?.cluster.zone == nil)
        #expect(
          run.source.problems.map(\.message) == [
            "get of node n1: the API server answers 403 Forbidden; the agent's ClusterRole must allow get on nodes"
          ])
      }
    }
  }

  @Test("the node is asked for again: a zone that comes later is told, and what is wrong meanwhile changes nothing")
  func nodeAgain() async throws {
    var settings = WatchSettings.quick
    settings.nodeInterval = .milliseconds(5)...(.milliseconds(10))
    try await SourceRun.of([service("cart"), node("n1", zone: "a")], settings: settings) { run in
      #expect(await run.next()?.cluster.zone == "a")
      run.server.fail(.status(500, reason: "InternalError")) { $0.resource == "nodes" }
      run.server.fail(.text("{}")) { $0.resource == "nodes" }
      let count = run.server.requests.count
      await run.server.waitForRequests { $0.count >= count + 3 }
      try run.server.put(node("n1", zone: "b"))
      let update = try #require(await run.next())
      #expect(update.cluster.zone == "b" && update.cluster.services.isEmpty)
    }
  }

  @Test("without a node's name no node is asked for")
  func noNode() async throws {
    try await SourceRun.of(objects, nodeName: nil) { run in
      #expect(await run.next()?.cluster.zone == nil)
      #expect(run.server.requests.allSatisfy { $0.resource != "nodes" })
    }
  }

  @Test("an error of whoever puts updates in force ends it, and so does being cancelled; it can run again")
  func ends() async throws {
    struct Failure: Error {}
    try await withMockAPIServer { server in
      try server.put(objects)
      try await withClient(.plain(server)) { client in
        let source = KubernetesSource(
          transport: client, nodeName: nil, settings: .quick, now: sinceStart, logger: .silent)
        for _ in 0..<2 {
          await #expect(throws: Failure.self) {
            try await source.run { update in
              #expect(update.isComplete && update.cluster.services.count == 2)
              throw Failure()
            }
          }
        }
        let (called, call) = AsyncStream.makeStream(of: Void.self)
        let task = Task { try await source.run { _ in call.yield() } }
        _ = await called.first { _ in true }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
      }
    }
  }

  @Test("all of it over TLS, with a token that changes while it is watched")
  func secure() async throws {
    let certificates = try await Certificates.shared()
    let folder = try Folder()
    try folder.write("first", to: "token")
    let options = MockAPIServer.Options(tls: try .server(certificates.server), tokens: ["first"])
    try await withMockAPIServer(options) { server in
      try server.put(objects)
      var settings = APIServerSettings.plain(server)
      settings.server = ServerAddress(usesTLS: true, host: "127.0.0.1", port: server.port)
      settings.trust = .authority(.text(certificates.authority, "certificate-authority-data"))
      settings.identity.token = .file(folder / "token", "tokenFile")
      try await withClient(settings) { client in
        let source = KubernetesSource(
          transport: client, nodeName: "n1", settings: .quick, now: sinceStart, logger: .silent)
        try await SourceRun.against(server, source) { run in
          #expect(await run.next()?.cluster.services.count == 2)
          try folder.write("second", to: "token")
          server.setTokens(["second"])
          server.cutWatches()
          try server.put(slice("cart-1", of: "cart", pods: [7]))
          #expect(await run.next()?.cluster.services.map(\.service.name) == ["cart"])
          #expect(run.endpoints["cart"] == ["10.244.0.7:50051"])
        }
      }
    }
  }
}
