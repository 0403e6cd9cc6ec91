internal import Balancing
internal import Datapath

/// Where this node's tracked sockets are open, as far as is known. By process, for a process can be looked through alone:
/// in microseconds, where all open files of a node take milliseconds.
struct Owners {
  /// Of each process, its descriptors by the cookies of their sockets.
  private var descriptors: [Int32: [UInt64: Int32]] = [:]
  /// Processes that have accepted connections of an endpoint: they will have accepted its next ones.
  private var processes: [SocketAddress: Set<Int32>] = [:]

  /// Nil: not known.
  mutating func owner(of connection: UInt64, at endpoint: SocketAddress) -> Guard.Owner? {
    let known = processes[endpoint] ?? []
    guard let owner = owner(of: connection, in: known) ?? owner(of: connection) else { return nil }
    if !known.contains(owner.process) { processes[endpoint, default: []].insert(owner.process) }
    return owner
  }

  /// Notes that a connection is the endpoint's, if it is known where it is open.
  mutating func learn(_ connection: UInt64, at endpoint: SocketAddress) { _ = owner(of: connection, at: endpoint) }

  /// Nil: not known.
  func owner(of connection: UInt64) -> Guard.Owner? { owner(of: connection, in: descriptors.keys) }

  private func owner(of connection: UInt64, in processes: some Sequence<Int32>) -> Guard.Owner? {
    for process in processes {
      if let descriptor = descriptors[process]?[connection] {
        return Guard.Owner(process: process, descriptor: descriptor)
      }
    }
    return nil
  }

  func processes(of endpoint: SocketAddress) -> Set<Int32> { processes[endpoint] ?? [] }

  /// Takes what was found in all processes.
  mutating func replaceAll(by owners: [UInt64: Guard.Owner]) {
    descriptors = [:]
    for (connection, owner) in owners { descriptors[owner.process, default: [:]][connection] = owner.descriptor }
    processes = processes.compactMapValues { processes in
      let left = processes.filter { descriptors[$0] != nil }
      return left.isEmpty ? nil : left
    }
  }

  /// Takes what was found in one process.
  mutating func replace(_ process: Int32, by owners: [UInt64: Guard.Owner]) {
    descriptors[process] = owners.isEmpty ? nil : owners.mapValues(\.descriptor)
  }
}
