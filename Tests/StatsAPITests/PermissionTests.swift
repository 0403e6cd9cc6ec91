import Foundation
import SystemPackage
import Testing

@testable import StatsAPI

/// In processes of their own, because users and the umask are a process's. One at a time: while such a test runs, it
/// holds one of the few threads that tasks have.
@Suite("Who may do what", .serialized, .timeLimit(.minutes(1)))
struct PermissionTests {
  @Test("A user outside the socket's group cannot connect")
  func otherUser() async throws {
    try await withTemporaryDirectory { directory in
      await #expect(processExitsWith: .success) { [directory = directory as String] in
        try await withServer(in: directory) { socket in
          try becomeNobody()
          let refused = StatsClientError.notPermitted(
            path: socket, problem: "only root and the socket's group may connect")
          await #expect(throws: refused) { try await StatsClient(socketPath: socket).status() }
        }
      }
    }
  }

  @Test("The socket's group may look, and not drain")
  func groupMember() async throws {
    try await withTemporaryDirectory { directory in
      await #expect(processExitsWith: .success) { [directory = directory as String] in
        let agent = SampleAgent()
        try await withServer(agent, in: directory) { socket in
          try becomeNobody(group: 0)
          let client = StatsClient(socketPath: socket)
          #expect(try await client.status() == .sample)
          let refused = StatsClientError.notPermitted(
            path: socket, problem: "only root may do this: you are user 65534")
          await #expect(throws: refused) { try await client.drain(.connection(4711)) }
        }
        #expect(agent.requests == [])
      }
    }
  }

  @Test("The socket's mode is the same under any umask", arguments: [0o000, 0o022, 0o777])
  func umask(mask: Int) async throws {
    try await withTemporaryDirectory { directory in
      await #expect(processExitsWith: .success) { [mask, directory = directory as String] in
        Glibc.umask(mode_t(mask))
        let socket = try ListeningSocket(path: "\(directory)/new/s.sock")
        #expect(try mode(of: socket.path) == 0o660)
        #expect(try mode(of: "\(directory)/new") == 0o755)
      }
    }
  }

  @Test("A directory where this user may not write is refused as such")
  func unwritable() async throws {
    try await withTemporaryDirectory { directory in
      await #expect(processExitsWith: .success) { [directory = directory as String] in
        try becomeNobody()
        #expect(problem(at: "\(directory)/s.sock")?.errno == .permissionDenied)
      }
    }
  }
}

/// Gives up root, for good.
private func becomeNobody(group: gid_t = 65534) throws {
  try #require(setgroups(0, nil) == 0 && setgid(group) == 0 && setuid(65534) == 0, "this test needs root")
}
