import Datapath
import Kernel
import Testing

@testable import Shim

@Suite("Where sockets are open")
struct OwnersTests {
  private func owner(_ process: Int32, _ descriptor: Int32) -> Guard.Owner {
    Guard.Owner(process: process, descriptor: descriptor)
  }

  @Test("a process that was found to have a connection of an endpoint is where its next ones are looked for")
  func learns() {
    var owners = Owners()
    #expect(owners.owner(of: 1, at: .pod(11)) == nil)
    owners.replaceAll(by: [1: owner(100, 7), 2: owner(200, 7)])
    #expect(owners.processes(of: .pod(11)) == [])
    #expect(owners.owner(of: 1, at: .pod(11)) == owner(100, 7))
    #expect(owners.processes(of: .pod(11)) == [100])
    owners.replace(100, by: [1: owner(100, 7), 3: owner(100, 9)])
    #expect(owners.owner(of: 3, at: .pod(11)) == owner(100, 9))
    #expect(owners.owner(of: 2) == owner(200, 7))
    owners.learn(2, at: .pod(12))
    owners.learn(99, at: .pod(13))
    #expect(owners.processes(of: .pod(12)) == [200] && owners.processes(of: .pod(13)) == [])
  }

  @Test("what a process has closed, and a process that has ended, are forgotten")
  func forgets() {
    var owners = Owners()
    owners.replaceAll(by: [1: owner(100, 7), 2: owner(100, 8)])
    _ = owners.owner(of: 1, at: .pod(11))
    owners.replace(100, by: [2: owner(100, 8)])
    #expect(owners.owner(of: 1) == nil)
    owners.replaceAll(by: [3: owner(300, 7)])
    #expect(owners.owner(of: 2) == nil)
    #expect(owners.processes(of: .pod(11)) == [])
  }
}
