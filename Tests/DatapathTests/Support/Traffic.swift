import Balancing
import Glibc
import Synchronization

/// Clients that connect to `.service` again and again while a test changes something, and the servers behind it, which
/// say where a connection has arrived. All on threads of their own.
final class Traffic: Sendable {
  private let isServing = Atomic(false)
  private let isOver = Atomic(false)
  private let isServed = Atomic(false)
  private let servers = Mutex<Background<String?>?>(nil)
  private let clients = Mutex<[Background<Findings>]>([])

  struct Findings: Sendable {
    var connections = 0
    /// What went wrong, and should not.
    var failures: [String] = []
  }

  /// Starts the servers.
  init(to pods: [SocketAddress]) throws {
    servers.withLock { $0 = Background { [self] in serve(pods) } }
    guard eventually({ isServing.load(ordering: .relaxed) }) else { throw SandboxError("the servers do not start") }
  }

  /// Starts the clients. Whatever a check throws is a failure; one check makes one connection.
  func start(clients count: Int, _ check: @escaping @Sendable () throws -> Void = { _ = try Traffic.destination() }) {
    clients.withLock { $0 = (0..<count).map { _ in Background { [self] in connect(check) } } }
  }

  /// Ends all. Returns what the clients have found.
  func end() throws -> Findings {
    isOver.store(true, ordering: .relaxed)
    var all = Findings()
    for client in clients.withLock({ $0 }) {
      let findings = try client.result()
      all.connections += findings.connections
      all.failures += findings.failures
    }
    isServed.store(true, ordering: .relaxed)
    if let failure = try servers.withLock({ $0 })?.result() { all.failures += [failure].compactMap(\.self) }
    return all
  }

  /// Asks the Service where a connection arrives. No trace of it is left, not even in TIME_WAIT.
  static func destination() throws -> SocketAddress {
    let client = try TCPSocket.connected(to: .service)
    try client.set(SO_LINGER, to: linger(l_onoff: 1, l_linger: 0))
    guard let number = try client.receive(1).first else { throw SandboxError("the server has said nothing") }
    return .pod(Int(number))
  }

  private func connect(_ check: () throws -> Void) -> Findings {
    var findings = Findings()
    while !isOver.load(ordering: .relaxed) {
      do { try check() } catch { findings.failures.append("\(error)") }
      findings.connections += 1
    }
    return findings
  }

  /// Tells each client the last byte of the address where it has arrived. Returns what went wrong.
  private func serve(_ addresses: [SocketAddress]) -> String? {
    do {
      let pods = try Pods(addresses)
      isServing.store(true, ordering: .relaxed)
      while !isServed.load(ordering: .relaxed) {
        guard let (pod, socket) = try pods.next(within: 20) else { continue }
        try socket.send([UInt8(truncatingIfNeeded: pod.ip.low)])
        socket.close()
      }
      return nil
    } catch { return "\(error)" }
  }
}
