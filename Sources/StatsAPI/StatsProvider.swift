/// What the server shows, and whom it asks to drain: implemented by the agent.
public protocol StatsProvider: Sendable {
  /// `ready` of it is what `/readyz` answers.
  func status() async -> Status
  func services() async -> [Service]
  func connections() async -> [Connection]
  func metrics() async -> [MetricFamily]

  /// Queues connections for their GOAWAY, and returns how many are waiting because of this request.
  ///
  /// The request's endpoint is in canonical form: as `SocketAddress.description` writes it.
  func drain(_ request: DrainRequest) async throws(DrainError) -> Int
}

/// Why a drain was not queued.
public enum DrainError: Error, Equatable {
  /// No such Service, endpoint or connection is known: 404.
  case notFound
  /// Draining is off in this agent, and why: 503.
  case unavailable(reason: String)
}
