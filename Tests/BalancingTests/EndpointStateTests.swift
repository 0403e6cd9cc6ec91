import Balancing
import Testing

@Suite("Endpoint conditions")
struct EndpointStateTests {
  @Test(
    "ready, serving and terminating make one state",
    arguments: [
      (true, true, false, .ready), (false, true, true, .serving), (false, false, true, .terminating),
      (false, false, false, .unready), (false, true, false, .unready),
      // A Service with publishNotReadyAddresses calls its terminating pods ready, and so they are used, and not drained.
      (true, true, true, .ready), (true, false, true, .ready), (true, false, false, .ready),
    ] as [(Bool, Bool, Bool, Endpoint.State)])
  func states(ready: Bool, serving: Bool, terminating: Bool, state: Endpoint.State) {
    #expect(Endpoint.State(ready: ready, serving: serving, terminating: terminating) == state)
  }

  @Test("what is not said is: ready, serving, not terminating")
  func unsaid() {
    #expect(Endpoint.State(ready: nil, serving: nil, terminating: nil) == .ready)
    #expect(Endpoint.State(ready: false, serving: nil, terminating: nil) == .unready)
    #expect(Endpoint.State(ready: false, serving: nil, terminating: true) == .serving)
    #expect(Endpoint.State(ready: nil, serving: false, terminating: true) == .ready)
  }

  @Test("endpoints that go away are those serving until the end and those that no longer do")
  func goingAway() {
    #expect(Endpoint.State.allCases.filter(\.isTerminating) == [.serving, .terminating])
  }
}
