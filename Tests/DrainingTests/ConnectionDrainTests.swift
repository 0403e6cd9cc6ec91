import Testing

@testable import Draining

@Suite("The drain of one connection")
struct ConnectionDrainTests {
  private typealias Wait = ConnectionDrain.Wait
  private typealias Drain = ConnectionDrain.Drain

  private func wish(_ reason: DrainReason, due seconds: Int = 0) -> ConnectionDrain.Wish {
    ConnectionDrain.Wish(reason: reason, due: .seconds(seconds))
  }

  private func waiting() -> ConnectionDrain { ConnectionDrain(endpoint: pod(1), snapshot: 1) }

  private func placing(_ reason: DrainReason = .maxAge) -> ConnectionDrain {
    var drain = waiting()
    #expect(drain.begin(reason) == true)
    return drain
  }

  private func after(_ outcome: PlacementOutcome) -> ConnectionDrain {
    var drain = placing()
    #expect(drain.end(outcome, at: .seconds(1)) != nil)
    return drain
  }

  @Test(
    "A request makes a waiting connection wait for that reason; of two the more urgent counts, and the earlier time")
  func request() {
    var drain = waiting()
    #expect(drain.isUntouched)
    #expect(drain.request(.rebalance, due: .seconds(9)) == true)
    #expect(drain.state == .waiting(Wait(requested: wish(.rebalance, due: 9))))
    #expect(!drain.isUntouched)
    #expect(drain.request(.manual, due: .seconds(2)) == true)
    #expect(drain.request(.rebalance, due: .seconds(5)) == true)
    #expect(drain.state == .waiting(Wait(requested: wish(.manual, due: 2))))
  }

  @Test("A request is withdrawn as if it had not been made; not where another reason came, or an attempt was made")
  func withdraw() {
    var drain = waiting()
    #expect(drain.request(.rebalance, due: .seconds(9)) == true)
    #expect(drain.pending(.rebalance) == .seconds(9))
    drain.withdraw(.rebalance)
    #expect(drain.isUntouched)

    #expect(drain.request(.rebalance, due: .seconds(9)) == true)
    #expect(drain.request(.manual, due: .seconds(5)) == true)
    drain.withdraw(.rebalance)
    #expect(drain.state == .waiting(Wait(requested: wish(.manual, due: 5))))

    var tried = waiting()
    #expect(tried.request(.rebalance, due: .zero) == true)
    #expect(tried.begin(.rebalance) == true)
    tried.withdraw(.rebalance)
    #expect(tried.isPlacing)
  }

  @Test("A request during an attempt is kept for the next")
  func requestWhilePlacing() {
    var drain = placing()
    #expect(drain.request(.manual, due: .zero) == true)
    #expect(drain.state == .placing(.maxAge, Wait(requested: wish(.manual))))
  }

  @Test("A request for what is draining, undrainable or gone changes nothing")
  func requestTooLate() {
    for outcome in [.placed, .undrainable(.opaque), .gone] as [PlacementOutcome] {
      var drain = after(outcome)
      let before = drain.state
      #expect(drain.request(.manual, due: .zero) == false)
      #expect(drain.state == before)
    }
  }

  @Test("Only what waits is handed out")
  func begin() {
    for before in [placing(), after(.placed), after(.undrainable(.opaque)), after(.gone)] {
      var drain = before
      #expect(drain.begin(.maxAge) == false)
      #expect(drain.state == before.state)
    }
    #expect(placing(.manual).state == .placing(.manual, Wait()))
  }

  @Test("A placed frame makes it draining since then")
  func placed() {
    var drain = placing(.manual)
    #expect(drain.end(.placed, at: .seconds(7)) == .placed)
    #expect(drain.state == .draining(Drain(since: .seconds(7), reason: .manual)))
  }

  @Test("A refusal makes it wait, and counts")
  func refused() {
    var drain = placing()
    #expect(drain.end(.refused, at: .seconds(7)) == .retry(.milliseconds(7050)))
    #expect(drain.state == .waiting(Wait(notBefore: .milliseconds(7050), refusals: 1)))
    #expect(drain.begin(.maxAge) == true)
    #expect(drain.end(.busy, at: .seconds(8)) == .retry(.milliseconds(8100)))
  }

  @Test("What cannot be drained, and what has gone, ends the attempt for good")
  func over() {
    var undrainable = placing()
    #expect(undrainable.end(.undrainable(.notBorrowable), at: .zero) == .over)
    #expect(undrainable.state == .undrainable(.notBorrowable))
    var gone = placing()
    #expect(gone.end(.gone, at: .zero) == .over)
    #expect(gone.state == .gone)
  }

  @Test("An outcome is owed by attempts only")
  func notOwed() {
    for before in [waiting(), after(.placed), after(.refused), after(.undrainable(.opaque)), after(.gone)] {
      var drain = before
      #expect(drain.end(.placed, at: .seconds(9)) == nil)
      #expect(drain.state == before.state)
    }
  }

  @Test("A GOAWAY on the wire makes it draining, whatever was known before")
  func sighting() {
    let expected: [(ConnectionDrain, ConnectionDrain.Sighting)] = [
      (waiting(), .adopted), (placing(), .placed), (after(.undrainable(.unconfirmed)), .adopted),
      (after(.gone), .adopted),
    ]
    for (before, sighting) in expected {
      var drain = before
      #expect(drain.see(goawayAt: .seconds(3), .manual) == sighting)
      #expect(drain.state == .draining(Drain(since: .seconds(3), reason: .manual)))
    }
    var known = after(.placed)
    #expect(known.see(goawayAt: .seconds(3), .manual) == .known)
    #expect(known.state == .draining(Drain(since: .seconds(1), reason: .maxAge)))
  }
}
