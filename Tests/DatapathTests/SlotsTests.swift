import Testing

@testable import Datapath

@Suite("Entries of counters")
struct SlotsTests {
  @Test("each owner has an entry of its own, and keeps it")
  func assigns() {
    var slots = Slots<String>(capacity: 3)
    #expect(slots.assign("a")?.slot == 0)
    #expect(slots.assign("b")?.isNew == true)
    #expect(slots.assign("b")?.isNew == false)
    #expect(slots["a"] == 0 && slots["b"] == 1 && slots["c"] == nil)
    #expect(slots.count == 2 && slots.next == 2)
  }

  @Test("where all are taken, there is none left, and those that are assigned stay")
  func full() {
    var slots = Slots<String>(capacity: 1)
    _ = slots.assign("a")
    #expect(slots.assign("b") == nil)
    #expect(slots.assign("a")?.slot == 0)
  }

  @Test("an entry is released once all uses of it have ended")
  func uses() {
    var slots = Slots<String>(capacity: 1)
    for _ in 1...2 { _ = slots.assign("a") }
    slots.release("a", at: .zero)
    #expect(slots.reclaim(at: .seconds(60)) { _ in true } == [])
    slots.release("a", at: .seconds(10))
    #expect(slots.reclaim(at: .seconds(69)) { _ in true } == [])
    #expect(slots.reclaim(at: .seconds(70)) { _ in true } == [0])
  }

  @Test("an entry is taken back a minute after its release, if nothing counts there any more")
  func reclaims() {
    var slots = Slots<String>(capacity: 2)
    for owner in ["a", "b"] { _ = slots.assign(owner) }
    slots.release("a", at: .seconds(10))
    slots.release("b", at: .seconds(10))
    #expect(slots.reclaim(at: .seconds(69.9)) { _ in true } == [])
    #expect(slots.reclaim(at: .seconds(70)) { $0 == 1 } == [1])
    #expect(slots["a"] == 0 && slots["b"] == nil)
    #expect(slots.assign("c")?.slot == 1)
    #expect(slots.reclaim(at: .seconds(71)) { _ in true } == [0])
  }

  @Test("an owner that comes back goes on with its entry")
  func comesBack() {
    var slots = Slots<String>(capacity: 1)
    _ = slots.assign("a")
    slots.release("a", at: .seconds(10))
    #expect(slots.assign("a")?.isNew == false)
    #expect(slots.reclaim(at: .seconds(1000)) { _ in true } == [])
    #expect(slots.assign("b") == nil)
  }

  @Test("the minute counts from the first release, and an owner without an entry has nothing to release")
  func releasesTwice() {
    var slots = Slots<String>(capacity: 2)
    _ = slots.assign("a")
    slots.release("a", at: .seconds(10))
    slots.release("a", at: .seconds(60))
    slots.release("nobody", at: .seconds(10))
    #expect(slots.reclaim(at: .seconds(70)) { _ in true } == [0])
  }

  @Test("what a former agent assigned counts as released until it is assigned again; gaps are filled")
  func adopts() {
    var slots = Slots(capacity: 4, existing: ["a": 0, "c": 2], at: .seconds(10))
    #expect(slots.next == 3)
    #expect(slots.assign("c")?.slot == 2)
    #expect(slots.assign("d")?.slot == 1)
    #expect(slots.assign("e")?.slot == 3)
    #expect(slots.assign("f") == nil)
    #expect(slots.reclaim(at: .seconds(70)) { _ in true } == [0])
    #expect(slots.assign("f")?.slot == 0)
  }
}
