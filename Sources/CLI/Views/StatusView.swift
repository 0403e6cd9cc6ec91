internal import StatsAPI

/// A short overview, and every warning in full.
func statusText(_ status: Status, color: Bool) -> String {
  var table = Table(columns: [.init("evenkeel \(status.version)"), .init(heading(status))])
  table.rows = [
    ["source", Table.Cell(status.source)],
    ["node", Table.Cell(status.node ?? "–")],
    ["policy", Table.Cell(status.policy)],
    ["services", "\(status.services), with \(counted(status.endpoints, "endpoint"))"],
    ["connections", "\(status.connections)"],
    ["outcomes", outcomes(status.outcomes)],
    ["drain", settings(status.drain)],
    ["goaways", goaways(status.drain)],
  ]
  for (index, map) in status.maps.enumerated() { table.rows.append([index == 0 ? "maps" : "", usage(map)]) }
  let warnings = status.warnings.map { styled("warning:", color ? .yellow : .plain) + " \(printable($0))\n" }
  return table.text(color: color) + warnings.joined()
}

private func heading(_ status: Status) -> String {
  "process \(status.pid), up \(age(status.uptimeSeconds)), \(status.ready ? "ready" : "not ready")"
}

/// Those that have never come are left out.
private func outcomes(_ all: [Status.Outcome]) -> Table.Cell {
  let seen = all.filter { $0.count > 0 }
  let isTroubled = seen.contains { !["spread", "no_endpoints"].contains($0.name) }
  let text = seen.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
  return .init(seen.isEmpty ? "none" : text, isTroubled ? .red : .plain)
}

private func settings(_ drain: Status.Drain) -> Table.Cell {
  if let reason = drain.reason { return .init("off: \(reason)", .red) }
  guard drain.enabled else { return "off" }
  let every =
    drain.intervalSeconds == 0
    ? "by age: never" : "after \(interval(drain.intervalSeconds)) ± \(plain(drain.jitterPercent)) %"
  let grace = drain.graceSeconds == 0 ? "" : ", closed \(interval(drain.graceSeconds)) later"
  let rebalance =
    drain.rebalanceWindowSeconds == 0 ? "" : ", to added pods within \(interval(drain.rebalanceWindowSeconds))"
  return "\(every), at most \(plain(drain.pacePercent)) % a second\(rebalance)\(grace)"
}

private func goaways(_ drain: Status.Drain) -> Table.Cell {
  let closed = drain.closed == 0 ? "" : ", \(drain.closed) closed after their grace"
  let text = "\(drain.queued) queued, \(drain.goaways) placed, \(drain.refused + drain.busy) tried again\(closed)"
  return drain.unguarded == 0 ? .init(text) : .init("\(text), \(drain.unguarded) UNGUARDED", .red)
}

/// A map that is nearly full is shown as such before it is.
private func usage(_ map: Status.MapUsage) -> Table.Cell {
  let isNearlyFull = map.entries * 10 > map.maxEntries * 8
  let style: Table.Style = map.entries >= map.maxEntries ? .red : isNearlyFull ? .yellow : .plain
  return .init("\(map.name) \(map.entries) of \(map.maxEntries)", style)
}
