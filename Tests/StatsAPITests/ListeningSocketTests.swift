import Foundation
import SystemPackage
import Testing

@testable import StatsAPI

@Suite("The socket's path")
struct ListeningSocketTests {
  @Test("The file is a socket of mode 0660, and goes with the value; no other name stays")
  func lifetime() async throws {
    try await withTemporaryDirectory { directory in
      let path = "\(directory)/s.sock"
      do {
        let socket = try ListeningSocket(path: path)
        #expect(try mode(of: path) == 0o660)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["s.sock"])
        _ = try RawClient(path)
        withExtendedLifetime(socket.path) {}
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
    }
  }

  @Test("A socket that nobody serves is replaced")
  func stale() async throws {
    try await withTemporaryDirectory { directory in
      let path = "\(directory)/s.sock"
      let dead = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
      try #require(withUnixAddress(of: path) { bind(dead, $0, $1) } == 0)
      close(dead)
      let socket = try ListeningSocket(path: path)
      _ = try RawClient(socket.path)
    }
  }

  @Test("A socket that a process serves is refused, naming the process, and left alone")
  func inUse() async throws {
    try await withTemporaryDirectory { directory in
      let first = try ListeningSocket(path: "\(directory)/s.sock")
      let error = try #require(problem(at: first.path))
      #expect(error.errno == .addressInUse)
      #expect(error.description.contains("\(first.path): Address already in use: it is in use by process \(getpid()):"))
      _ = try RawClient(first.path)
    }
  }

  @Test("A socket of another kind is refused")
  func datagram() async throws {
    try await withTemporaryDirectory { directory in
      let path = "\(directory)/s.sock"
      let other = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
      defer { close(other) }
      try #require(withUnixAddress(of: path) { bind(other, $0, $1) } == 0)
      #expect(problem(at: path)?.errno == .protocolWrongTypeForSocket)
    }
  }

  @Test("What is no socket is refused and left alone: a file, a directory, a symbolic link")
  func notASocket() async throws {
    try await withTemporaryDirectory { directory in
      let paths = ["file", "directory", "link"].map { "\(directory)/\($0)" }
      try Data("precious".utf8).write(to: URL(filePath: paths[0]))
      try FileManager.default.createDirectory(atPath: paths[1], withIntermediateDirectories: false)
      try FileManager.default.createSymbolicLink(atPath: paths[2], withDestinationPath: paths[0])
      for path in paths {
        #expect(problem(at: path)?.errno == .notSocket)
        #expect(problem(at: path)?.description.hasPrefix("cannot serve on socket \(path): ") == true)
      }
      #expect(try Data(contentsOf: URL(filePath: paths[0])) == Data("precious".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 3)
    }
  }

  @Test("A path of 107 bytes is served, one of 108 refused with the limit")
  func length() async throws {
    try await withTemporaryDirectory { directory in
      let longest = "\(directory)/" + String(repeating: "s", count: 106 - directory.utf8.count)
      #expect(longest.utf8.count == 107)
      #expect(problem(at: longest) == nil)
      let error = try #require(problem(at: longest + "s"))
      #expect(error.errno == .fileNameTooLong)
      #expect(error.description.contains("it has 108 bytes, and a Unix socket's path may have 107"))
    }
  }

  @Test("An empty path is refused")
  func empty() {
    #expect(problem(at: "")?.errno == .invalidArgument)
  }

  @Test("Only the last directory of a path is made")
  func missingDirectories() async throws {
    try await withTemporaryDirectory { directory in
      #expect(problem(at: "\(directory)/a/b/s.sock")?.errno == .noSuchFileOrDirectory)
      try #require(FileManager.default.contentsOfDirectory(atPath: directory) == [])
    }
  }

  @Test("A socket that somebody else put at the path in the meantime is not removed")
  func replaced() async throws {
    try await withTemporaryDirectory { directory in
      let path = "\(directory)/s.sock"
      do {
        let first = try ListeningSocket(path: path)
        try FileManager.default.removeItem(atPath: first.path)
        try Data().write(to: URL(filePath: path))
      }
      #expect(FileManager.default.fileExists(atPath: path))
    }
  }
}

/// Why no socket can be served at a path; nil if one can.
func problem(at path: String) -> StatsServerError? {
  do {
    _ = try ListeningSocket(path: path)
    return nil
  } catch {
    return error
  }
}

/// The permissions of a file.
func mode(of path: String) throws -> mode_t {
  var status = stat()
  try #require(lstat(path, &status) == 0)
  return status.st_mode & 0o7777
}
