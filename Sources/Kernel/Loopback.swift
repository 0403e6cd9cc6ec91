internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A TCP socket that listens on 127.0.0.1, for connections of this process with itself.
public struct LoopbackListener: ~Copyable, Sendable {
  public let port: UInt16
  fileprivate let descriptor: Descriptor

  public init() throws(KernelError) {
    let listener = try Descriptor.tcp()
    var address = sockaddr_in.loopback(port: 0)
    try address.withPointer("listen on loopback") { address, size in
      guard bind(listener.raw, address, size) == 0, listen(listener.raw, 8) == 0 else { return -1 }
      var size = size
      return getsockname(listener.raw, address, &size)
    }
    port = UInt16(bigEndian: address.sin_port)
    descriptor = listener
  }

  /// A new connection: both of its ends.
  public func connect() throws(KernelError) -> SocketPair {
    let client = try Descriptor.tcp()
    var address = sockaddr_in.loopback(port: port)
    try address.withPointer("connect over loopback") { Glibc.connect(client.raw, $0, $1) }
    let accepted = try check("accept a connection over loopback") { accept(descriptor.raw, nil, nil) }
    return SocketPair(near: Descriptor(owning: accepted), far: client)
  }
}

/// Two TCP sockets of this process, connected over loopback: `near` was accepted, `far` has connected.
public struct SocketPair: ~Copyable, Sendable {
  let near: Descriptor
  let far: Descriptor

  fileprivate init(near: consuming Descriptor, far: consuming Descriptor) {
    self.near = near
    self.far = far
  }

  /// Sends from the near end, waiting until the kernel has taken all of it.
  public func send(_ bytes: [UInt8]) throws(KernelError) {
    let sent = try check("send over loopback") { CInt(Glibc.send(near.raw, bytes, bytes.count, CInt(MSG_NOSIGNAL))) }
    guard Int(sent) == bytes.count else { throw KernelError("send over loopback", .noBufferSpace) }
  }

  /// Waits until so many bytes have arrived at the far end. Fewer: the near end was closed.
  public func receive(_ count: Int) throws(KernelError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let received = try check("receive over loopback") { CInt(recv(far.raw, &bytes, count, CInt(MSG_WAITALL))) }
    return Array(bytes.prefix(Int(received)))
  }

  /// Throws away what has arrived at the near end. Returns how many bytes that were.
  @discardableResult
  public func drain() -> Int {
    var total = 0
    withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { buffer in
      while true {
        let count = recv(near.raw, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
        guard count > 0 else { return }
        total += count
      }
    }
    return total
  }
}

extension Descriptor {
  fileprivate static func tcp() throws(KernelError) -> Descriptor {
    Descriptor(
      owning: try check("make a TCP socket") {
        socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      })
  }
}

extension sockaddr_in {
  fileprivate static func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  fileprivate mutating func withPointer(
    _ operation: String, _ call: (UnsafeMutablePointer<sockaddr>, socklen_t) -> CInt
  ) throws(KernelError) {
    try check(operation) {
      withUnsafeMutablePointer(to: &self) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(MemoryLayout<Self>.size)) }
      }
    }
  }
}
