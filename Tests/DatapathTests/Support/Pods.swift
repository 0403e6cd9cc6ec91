import Balancing
import Glibc

/// Addresses of the tests. Both networks are the sandbox's own.
extension SocketAddress {
  static let service = SocketAddress(ip: IPAddress(high: 0, low: 0xffff_0a60_000a), port: 80)  // 10.96.0.10
  static let serviceIPv6 = SocketAddress(ip: IPAddress(high: 0xfd00_0096 << 32, low: 0x10), port: 80)  // fd00:96::10

  /// A port that other tests do not use at the same time: those who look for the sockets of a pod find them in all
  /// processes of the machine, in whatever network.
  static let podPort = UInt16(20_000 + getpid() % 40_000)

  /// 10.244.0.N or fd00:244::N, and a port.
  static func pod(_ number: Int, _ family: IPAddress.Family = .ipv4) -> SocketAddress {
    let number = UInt64(number)
    let ip =
      switch family {
      case .ipv4: IPAddress(high: 0, low: 0xffff_0af4_0000 + number)
      case .ipv6: IPAddress(high: 0xfd00_0244 << 32, low: number)
      }
    return SocketAddress(ip: ip, port: podPort)
  }
}

/// The servers of a Service: sockets that listen, in whose queues connections wait until the test takes them. What they
/// have accepted they hold open, until the test closes it.
final class Pods {
  let addresses: [SocketAddress]
  private let listeners: [TCPSocket]
  private var accepted: [TCPSocket] = []

  init(_ addresses: [SocketAddress]) throws {
    self.addresses = addresses
    listeners = try addresses.map { try TCPSocket.listening(at: $0) }
  }

  convenience init(_ numbers: ClosedRange<Int>, _ family: IPAddress.Family = .ipv4) throws {
    try self.init(numbers.map { .pod($0, family) })
  }

  /// Takes the one connection that was just opened: the address where it arrived, and the server's end.
  func accept() throws -> (pod: SocketAddress, socket: TCPSocket) {
    guard let next = try next(within: 5000) else { throw SandboxError("no connection has arrived at \(addresses)") }
    return next
  }

  /// The same; nil where no connection arrives in time.
  func next(within milliseconds: CInt) throws -> (pod: SocketAddress, socket: TCPSocket)? {
    var wanted = listeners.map { pollfd(fd: $0.raw, events: Int16(POLLIN), revents: 0) }
    try system("poll", poll(&wanted, nfds_t(wanted.count), milliseconds))
    guard let index = wanted.firstIndex(where: { $0.revents != 0 }) else { return nil }
    let socket = try listeners[index].accept()
    accepted.append(socket)
    return (addresses[index], socket)
  }

  /// Opens a connection to a Service, and closes it. Returns where it arrived.
  func destination(of service: SocketAddress, as form: TCPSocket.Form = .native) throws -> SocketAddress {
    let client = try TCPSocket.connected(to: service, as: form)
    defer { client.close() }
    return try accept().pod
  }

  /// Takes all connections that wait. Returns how many came to each pod.
  func acceptAll() throws -> [Int] {
    try listeners.map { listener in
      var count = 0
      while listener.isReadable() {
        accepted.append(try listener.accept())
        count += 1
      }
      return count
    }
  }
}
