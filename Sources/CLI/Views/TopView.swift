internal import StatsAPI

/// What `top` shows: the latest look at the Services, and the rates since the one before.
struct TopView {
  private var services: [StatsAPI.Service] = []
  private var rates: Rates?
  private var updated: ContinuousClock.Instant?
  private var error: StatsClientError?

  /// After a failure, the last look stays, and says so.
  mutating func update(_ result: Result<[StatsAPI.Service], StatsClientError>, at moment: ContinuousClock.Instant) {
    switch result {
    case .success(let services):
      rates = updated.map { Rates(since: self.services, elapsed: moment - $0) }
      (self.services, updated, error) = (services, moment, nil)
    case .failure(let error):
      self.error = error
    }
  }

  /// The screen's lines, cut to its size.
  func lines(width: Int, height: Int, color: Bool) -> [String] {
    let table = servicesTable(services, rates: rates).lines(color: color, width: width)
    let room = max(height - 2, 0)
    let hidden = table.count - room
    let more = cut("… \(counted(hidden + 1, "more line"))", to: width)
    let shown = hidden > 0 ? table.prefix(max(room - 1, 0)) + [more] : table[...]
    return ([cut(headline, to: width), ""] + shown).prefix(height).map { $0 }
  }

  private var headline: String {
    if let error { return printable("\(error)") }
    return "evenkeel: \(counted(services.count, "Service port")), q to quit"
  }

  private func cut(_ text: String, to width: Int) -> String { String(text.prefix(width)) }
}
