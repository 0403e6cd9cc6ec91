internal import CBPF
public import Draining
public import Kernel

/// The connections that processes of this node opened by a Service address, each to the endpoint that was chosen for it.
public struct Clients: ~Copyable, Sendable {
  private let iterator: BPFIterator<client_record>
  private let ownerIterator: BPFIterator<owner_record>

  init(_ object: borrowing BPFObject) throws(KernelError) {
    let choices: BPFMap<Int32, choice> = try object.map("choices")
    let iterator: BPFIterator<client_record> = try BPFIterator(object.program("clients"), over: choices)
    let ownerIterator: BPFIterator<owner_record> = try BPFIterator(object.program("client_owners"))
    self.iterator = iterator
    self.ownerIterator = ownerIterator
  }

  /// Those that are connecting or established now, whichever agent was there when they were opened.
  public func connections() throws(KernelError) -> [ClientConnection] {
    try iterator.records().map {
      ClientConnection(id: $0.cookie, service: $0.service.value, endpoint: $0.endpoint.value)
    }
  }

  /// Where each of them is open, by its cookie. Looks at all open files of the machine.
  public func owners() throws(KernelError) -> [UInt64: Guard.Owner] { try ownerIterator.owners() }
}
