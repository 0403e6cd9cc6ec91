import Balancing
import Glibc
import SystemPackage

/// A TCP socket of this process. No call waits longer than five seconds.
final class TCPSocket {
  private(set) var raw: CInt
  private let domain: CInt

  /// The kind of socket by which an IPv4 address is asked for.
  enum Form {
    case native
    /// An IPv6 socket, and ::ffff:a.b.c.d: as gRPC's C-core does.
    case mapped
  }

  enum Transport { case tcp, mptcp }

  init(for ip: IPAddress, as form: Form = .native, over transport: Transport = .tcp) throws(Errno) {
    domain = ip.family == .ipv6 || form == .mapped ? AF_INET6 : AF_INET
    let mptcp: CInt = 262  // IPPROTO_MPTCP
    raw = socket(
      domain, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), transport == .mptcp ? mptcp : CInt(IPPROTO_TCP))
    try Self.check(raw)
    let patience = timeval(tv_sec: 5, tv_usec: 0)
    try set(SO_RCVTIMEO, to: patience)
    try set(SO_SNDTIMEO, to: patience)
  }

  private init(accepted raw: CInt, domain: CInt) throws(Errno) {
    (self.raw, self.domain) = (raw, domain)
    try set(SO_RCVTIMEO, to: timeval(tv_sec: 5, tv_usec: 0))
  }

  deinit { close() }

  func close() {
    if raw >= 0 { _ = Glibc.close(raw) }
    raw = -1
  }

  // MARK: - Connections

  static func connected(
    to address: SocketAddress, as form: Form = .native, over transport: Transport = .tcp
  ) throws(Errno) -> TCPSocket {
    let socket = try TCPSocket(for: address.ip, as: form, over: transport)
    try socket.connect(to: address)
    return socket
  }

  func connect(to address: SocketAddress) throws(Errno) {
    try Self.check(address.withSockaddr(domain) { Glibc.connect(raw, $0, $1) })
  }

  /// Sends the SYN and returns.
  func beginConnect(to address: SocketAddress) throws(Errno) {
    try Self.check(fcntl(raw, F_SETFL, O_NONBLOCK))
    do { try connect(to: address) } catch { if error != .nowInProgress { throw error } }
  }

  /// Ends the connection, for the socket to be used for another.
  func disconnect() throws(Errno) {
    var nowhere = sockaddr()
    nowhere.sa_family = sa_family_t(AF_UNSPEC)
    try Self.check(Glibc.connect(raw, &nowhere, socklen_t(MemoryLayout<sockaddr>.size)))
  }

  static func listening(
    at address: SocketAddress, backlog: CInt = 4096, over transport: Transport = .tcp
  ) throws(Errno) -> TCPSocket {
    let socket = try TCPSocket(for: address.ip, over: transport)
    try socket.set(SO_REUSEADDR, to: 1 as CInt)
    try check(address.withSockaddr(socket.domain) { bind(socket.raw, $0, $1) })
    try check(listen(socket.raw, backlog))
    return socket
  }

  func accept() throws(Errno) -> TCPSocket {
    let accepted = Glibc.accept(raw, nil, nil)
    try Self.check(accepted)
    _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
    return try TCPSocket(accepted: accepted, domain: domain)
  }

  /// Whether there is something to accept or to receive.
  func isReadable(within milliseconds: CInt = 0) -> Bool {
    var wanted = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
    return poll(&wanted, 1, milliseconds) > 0
  }

  // MARK: - Bytes

  func send(_ bytes: [UInt8]) throws(Errno) {
    let sent = Glibc.send(raw, bytes, bytes.count, CInt(MSG_NOSIGNAL))
    try Self.check(CInt(truncatingIfNeeded: sent))
    guard sent == bytes.count else { throw .noBufferSpace }
  }

  /// The next bytes: fewer than so many if the other side has closed the connection.
  func receive(_ count: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let received = recv(raw, &bytes, count, CInt(MSG_WAITALL))
    try Self.check(CInt(truncatingIfNeeded: received))
    return Array(bytes.prefix(received))
  }

  /// What has arrived and was not received: FIONREAD.
  func unread() throws(Errno) -> Int {
    var count: CInt = -1
    try Self.check(ioctl(raw, UInt(FIONREAD), &count))
    return Int(count)
  }

  func endSending() throws(Errno) { try Self.check(shutdown(raw, CInt(SHUT_WR))) }

  // MARK: - Properties

  func peer() throws(Errno) -> SocketAddress { try SocketAddress.read { getpeername(raw, $0, $1) } }
  func local() throws(Errno) -> SocketAddress { try SocketAddress.read { getsockname(raw, $0, $1) } }
  /// The socket's identity: SO_COOKIE.
  func cookie() throws(Errno) -> UInt64 { try get(SO_COOKIE) }
  /// The identity of its network namespace: SO_NETNS_COOKIE.
  func namespaceCookie() throws(Errno) -> UInt64 { try get(71) }

  func set<Value: BitwiseCopyable>(_ option: CInt, level: CInt = SOL_SOCKET, to value: Value) throws(Errno) {
    let size = socklen_t(MemoryLayout<Value>.size)
    try Self.check(withUnsafeBytes(of: value) { setsockopt(raw, level, option, $0.baseAddress, size) })
  }

  private func get(_ option: CInt) throws(Errno) -> UInt64 {
    var value: UInt64 = 0
    var size = socklen_t(MemoryLayout<UInt64>.size)
    try Self.check(getsockopt(raw, SOL_SOCKET, option, &value, &size))
    return value
  }

  private static func check(_ result: CInt) throws(Errno) {
    if result < 0 { throw Errno(rawValue: errno) }
  }
}

extension SocketAddress {
  /// The address for a socket of a domain: AF_INET, or AF_INET6 where an IPv4 address takes its v4-mapped form.
  func withSockaddr(_ domain: CInt, _ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
    var storage = sockaddr_storage()
    return withUnsafeMutableBytes(of: &storage) { bytes in
      bytes.storeBytes(of: sa_family_t(domain), as: sa_family_t.self)
      bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
      if domain == AF_INET {
        bytes.storeBytes(of: UInt32(truncatingIfNeeded: ip.low).bigEndian, toByteOffset: 4, as: UInt32.self)
      } else {
        bytes.storeBytes(of: ip.high.bigEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: ip.low.bigEndian, toByteOffset: 16, as: UInt64.self)
      }
      let size = domain == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
      return bytes.withMemoryRebound(to: sockaddr.self) { $0.baseAddress.map { call($0, socklen_t(size)) } ?? -1 }
    }
  }

  /// The address that a call like `getpeername` writes.
  static func read(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt
  ) throws(Errno) -> SocketAddress {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutableBytes(of: &storage) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { $0.baseAddress.map { call($0, &size) } ?? -1 }
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
    return withUnsafeBytes(of: storage) { bytes in
      let port = UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
      guard CInt(storage.ss_family) == AF_INET6 else {
        let ip = UInt32(bigEndian: bytes.load(fromByteOffset: 4, as: UInt32.self))
        return SocketAddress(ip: IPAddress(high: 0, low: 0xffff << 32 | UInt64(ip)), port: port)
      }
      let high = UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self))
      let low = UInt64(bigEndian: bytes.load(fromByteOffset: 16, as: UInt64.self))
      return SocketAddress(ip: IPAddress(high: high, low: low), port: port)
    }
  }
}
