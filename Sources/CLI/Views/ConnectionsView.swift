internal import Balancing
internal import StatsAPI

/// A line for every connection: by Service, then endpoint, the oldest first.
func connectionsText(_ connections: [Connection], color: Bool) -> String {
  guard !connections.isEmpty else { return "No connections.\n" }
  var table = Table(columns: [
    .init("ID", .right), .init("SERVICE"), .init("ENDPOINT"), .init("PEER"), .init("AGE", .right), .init("PROTOCOL"),
    .init("RESPONSES", .right), .init("STATE"), .init("REASON"),
  ])
  table.rows = connections.sorted(by: isBefore).map(row)
  return table.text(color: color)
}

private func row(_ connection: Connection) -> [Table.Cell] {
  [
    "\(connection.id)", "\(connection.namespace)/\(connection.name)", .init(connection.endpoint),
    .init(connection.peer), .init(age(connection.ageSeconds)), .init(connection.protocolName),
    "\(connection.responses)", .init(connection.state, connection.state == "open" ? .plain : .yellow),
    .init(connection.reason ?? ""),
  ]
}

private func isBefore(_ a: Connection, _ b: Connection) -> Bool {
  if (a.namespace, a.name) != (b.namespace, b.name) { return (a.namespace, a.name) < (b.namespace, b.name) }
  if a.endpoint != b.endpoint { return isBefore(a.endpoint, b.endpoint) }
  return (-a.ageSeconds, a.id) < (-b.ageSeconds, b.id)
}

/// Addresses by their numbers: 10.0.0.9 before 10.0.0.10.
private func isBefore(_ a: String, _ b: String) -> Bool {
  guard let first = SocketAddress(a), let second = SocketAddress(b) else { return a < b }
  return first < second
}
