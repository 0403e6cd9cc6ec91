/// Values that many objects have in common, such as the names of nodes, so that they are in memory once.
struct Pool<Value: Hashable & Sendable>: Sendable {
  private var values: Set<Value> = []
  /// Beyond this many the pool begins anew: nodes come and go for months, and it must not remember them all.
  private let limit: Int

  init(limit: Int = 20_000) { self.limit = limit }

  mutating func shared(_ value: Value) -> Value {
    if values.count >= limit { values = [] }
    return values.insert(value).memberAfterInsert
  }
}
