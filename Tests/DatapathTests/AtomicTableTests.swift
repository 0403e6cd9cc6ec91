import Balancing
import Datapath
import Synchronization
import Testing

@Suite("Tables that change under load", .serialized, .timeLimit(.minutes(1)))
struct AtomicTableTests {
  @Test("of 500 changes no connect() sees half a table, and none that begins after a change an endpoint from before it")
  func replacing() async {
    await #expect(processExitsWith: .success) {
      inSandbox { cgroup in
        var datapath = try Datapath(on: cgroup)
        // Of different sizes, so that one's header with the other's endpoints would be found out.
        let sets = [(11...12).map { SocketAddress.pod($0) }, (21...25).map { SocketAddress.pod($0) }]
        let progress = Progress(sets)
        let traffic = try Traffic(to: sets[0] + sets[1])
        try datapath.publish(Table(sets[0], policy: .random))
        traffic.start(clients: 2) { try progress.check(Traffic.destination) }
        for change in 1...500 {
          progress.begun.store(change, ordering: .sequentiallyConsistent)
          try datapath.publish(Table(sets[change % 2], policy: .random))
          progress.done.store(change, ordering: .sequentiallyConsistent)
          try progress.check(Traffic.destination)
        }
        let findings = try traffic.end()
        #expect(findings.failures.isEmpty, "\(findings.failures.prefix(3))")
        #expect(findings.connections > 1000, "the tables have to change under load")
        #expect(try datapath.count(of: .tableMissed) == 0)
        #expect(try datapath.count(of: .tableBroken) == 0)
      }
    }
  }
}

/// How far the changes are, between two sets of endpoints in turn.
private final class Progress: Sendable {
  /// The last change that may have happened.
  let begun = Atomic(0)
  /// The last change that has happened: it is in force.
  let done = Atomic(0)
  private let sets: [[SocketAddress]]

  init(_ sets: [[SocketAddress]]) { self.sets = sets }

  /// A connection must go to where it was led by the last change that was done before it, or by one that was begun
  /// before its end.
  func check(_ destination: () throws -> SocketAddress) throws {
    let first = done.load(ordering: .sequentiallyConsistent)
    let destination = try destination()
    let last = begun.load(ordering: .sequentiallyConsistent)
    guard (first...last).contains(where: { sets[$0 % 2].contains(destination) }) else {
      throw SandboxError("a connection to \(destination) between the changes \(first) and \(last)")
    }
  }
}
