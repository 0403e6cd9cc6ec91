public import Datapath
public import Kernel

extension Clients {
  /// Ends connections at once: their owners get an error, as from a peer that has sent a RST.
  ///
  /// What is gone meanwhile, or cannot be closed at the moment, is passed over: Linux 6.4 to 6.6 refuse it with EBUSY while
  /// a thread is blocked on the socket.
  ///
  /// - Returns: how many were ended.
  public func close(_ connections: [UInt64]) throws(KernelError) -> Int {
    let owners = try owners()
    return connections.count { connection in
      guard let owner = owners[connection],
        let socket = try? BorrowedSocket(process: owner.process, descriptor: owner.descriptor),
        socket.cookie() == connection
      else { return false }
      return (try? socket.abort()) != nil
    }
  }
}
