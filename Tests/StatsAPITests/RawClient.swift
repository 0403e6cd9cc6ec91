import Foundation
import Testing

@testable import StatsAPI

/// A connection to a Unix socket, or to a port of this machine, on which anything can be sent.
final class RawClient: Sendable {
  private let descriptor: CInt

  convenience init(_ path: String) throws {
    self.init(try #require(RawClient.connect(to: path), "connect: \(errno)"))
  }

  /// Nil where nobody listens, or not any more.
  convenience init?(ifListening path: String) {
    guard let descriptor = RawClient.connect(to: path) else { return nil }
    self.init(descriptor)
  }

  /// Connects to 127.0.0.1.
  convenience init(port: UInt16) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    self.init(descriptor)
    try #require(result == 0, "connect to port \(port): \(errno)")
  }

  private init(_ descriptor: CInt) { self.descriptor = descriptor }

  private static func connect(to path: String) -> CInt? {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    if withUnixAddress(of: path, { Glibc.connect(descriptor, $0, $1) }) == 0 { return descriptor }
    let error = errno
    close(descriptor)
    errno = error
    return nil
  }

  deinit { close(descriptor) }

  func send(_ text: String) async throws {
    let descriptor = descriptor
    let sent = await onOwnThread { Glibc.send(descriptor, text, text.utf8.count, CInt(MSG_NOSIGNAL)) }
    try #require(sent == text.utf8.count)
  }

  /// Sends as far as the server takes it: it may have closed the connection.
  func trySend(_ text: String) async {
    let descriptor = descriptor
    _ = await onOwnThread { Glibc.send(descriptor, text, text.utf8.count, CInt(MSG_NOSIGNAL)) }
  }

  /// What comes until it ends in a text, or the server closes the connection.
  func receive(until end: String) async -> String {
    let descriptor = descriptor
    return await onOwnThread {
      var bytes: [UInt8] = []
      var byte: UInt8 = 0
      while !bytes.suffix(end.utf8.count).elementsEqual(end.utf8), recv(descriptor, &byte, 1, 0) == 1 {
        bytes.append(byte)
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// What comes until the server closes the connection.
  func receiveAll() async -> String {
    let descriptor = descriptor
    return await onOwnThread {
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer.prefix(count)
      }
    }
  }

  /// Sends one request, and returns the answer's status, its header in lower case, and its body.
  func request(
    _ method: String, _ path: String, body: String = ""
  ) async throws -> (status: Int, header: String, body: String) {
    try await send(
      "\(method) \(path) HTTP/1.1\r\nHost: agent\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        + body)
    let answer = await receiveAll()
    let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    let status = try #require(answer.split(separator: " ").dropFirst().first.flatMap { Int($0) }, "in \(answer)")
    return (status, parts[0].lowercased(), try #require(parts.count == 2 ? String(parts[1]) : nil))
  }
}

/// Runs what blocks where it holds up nobody: the threads of Swift's tasks are few, and the server is on them.
func onOwnThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread { continuation.resume(returning: body()) }
  }
}
