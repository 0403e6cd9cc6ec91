internal import CLinux
public import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A duplicate of another process's TCP socket.
///
/// To be held for as short as can be: while it lives, the owner's `close` sends no FIN.
public struct BorrowedSocket: ~Copyable {
  let descriptor: Descriptor

  /// Duplicates a descriptor of another process; the corresponding C function is `pidfd_getfd`, which needs
  /// CAP_SYS_PTRACE.
  public init(process: Int32, descriptor number: Int32) throws(KernelError) {
    let process = Descriptor(
      owning: try check("open process \(process)") { pidfd_open(process, 0) })
    descriptor = Descriptor(
      owning: try check("borrow a socket", advice: "it needs CAP_SYS_PTRACE and the host's PIDs") {
        pidfd_getfd(process.raw, number, 0)
      })
  }

  /// What identifies a socket as long as the machine is up: SO_COOKIE. 0 where it is no socket.
  public func cookie() -> UInt64 {
    var cookie: UInt64 = 0
    var size = socklen_t(MemoryLayout<UInt64>.size)
    return getsockopt(descriptor.raw, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0
  }

  /// Whether it is connected and neither side has closed it.
  public func isEstablished() -> Bool {
    var state: UInt8 = 0  // tcpi_state, the first byte of struct tcp_info
    var size = socklen_t(1)
    let established = 1  // TCP_ESTABLISHED
    return getsockopt(descriptor.raw, Int32(IPPROTO_TCP), TCP_INFO, &state, &size) == 0 && state == established
  }

  /// Whether all that was written on it has been acknowledged: SIOCOUTQ is 0.
  public func isQuiet() -> Bool {
    var queued: CInt = 1
    return ioctl(descriptor.raw, UInt(TIOCOUTQ), &queued) == 0 && queued == 0
  }

  /// Ends the connection at once, as SOCK_DESTROY does: the peer gets a RST, the owner an error. The corresponding C
  /// function is `connect` to AF_UNSPEC (`tcp_disconnect` in the kernel).
  public func abort() throws(KernelError) {
    var address = sockaddr()
    address.sa_family = sa_family_t(AF_UNSPEC)
    try check("close a connection") { connect(descriptor.raw, &address, socklen_t(MemoryLayout<sockaddr>.size)) }
  }

  /// Sends without waiting. Returns how many bytes the socket took.
  public func send(_ bytes: [UInt8]) throws(Errno) -> Int {
    let sent = Glibc.send(descriptor.raw, bytes, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
    guard sent >= 0 else { throw .current }
    return sent
  }
}

extension BPFMap where Value == UInt64 {
  /// Puts a socket into a sockhash.
  public func set(_ key: Key, to socket: borrowing BorrowedSocket) throws(KernelError) {
    try set(key, to: UInt64(socket.descriptor.raw))
  }

  public func set(_ key: Key, to pair: borrowing SocketPair) throws(KernelError) {
    try set(key, to: UInt64(pair.near.raw))
  }
}

extension BPFMap where Key == Int32 {
  /// What a socket storage holds for a socket; nil where it holds nothing.
  public func value(for socket: borrowing BorrowedSocket) throws(KernelError) -> Value? {
    try value(for: socket.descriptor.raw)
  }
}
