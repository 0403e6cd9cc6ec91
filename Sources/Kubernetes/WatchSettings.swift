/// How patient a list-and-watch is. The defaults are client-go's (tools/cache/reflector.go) where it has them.
struct WatchSettings: Sendable {
  var backOff = BackOff.Settings()
  /// How long a watch lasts until the server ends it: a different time for each client, so that they do not come back
  /// together.
  var lifetime: ClosedRange<Duration> = .seconds(300)...(.seconds(600))
  /// How long after its end a watch is given up that has not ended: its connection has died without a word.
  var lifetimeMargin = Duration.seconds(30)
  /// How long nothing may come of what is sent without a pause: of a list, and of the objects at a watch's beginning.
  var silence = Duration.seconds(60)
  /// A watch that ends so soon, and brought nothing, has failed.
  var shortestWatch = Duration.seconds(1)
  /// Objects in one page of a list.
  var pageSize = 500
  /// Bytes in one line of a watch. A slice of 1,000 endpoints, the most there are, has half a million.
  var longestLine = 16 << 20
  /// Bytes in one page of a list. A server may send all in one: 100,000 endpoints are 60 million.
  var longestPage = 512 << 20
  /// How often the node is asked for: its zone all but never changes.
  var nodeInterval: ClosedRange<Duration> = .seconds(540)...(.seconds(660))
}
