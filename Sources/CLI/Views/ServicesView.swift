internal import StatsAPI

func servicesText(_ services: [StatsAPI.Service], color: Bool) -> String {
  services.isEmpty ? "No Services.\n" : servicesTable(services).text(color: color)
}

/// A line for every Service port, and below it one for every endpoint.
///
/// - Parameter rates: responses per second; shown, and the base of the shares, instead of all responses ever.
func servicesTable(_ services: [StatsAPI.Service], rates: Rates? = nil) -> Table {
  var table = Table(columns: [
    .init("SERVICE / ENDPOINT"), .init("STATE"), .init("OUT", .right), .init("IN", .right), .init("DRAINING", .right),
    .init(rates == nil ? "RESPONSES" : "RESPONSES/S", .right), .init("SHARE"), .init("IMBALANCE", .right),
  ])
  for service in services {
    let responses = service.endpoints.map { rates?.rate(of: $0, in: service) ?? Double($0.incoming.responses) }
    let total = responses.reduce(0, +)
    table.rows.append(row(service, total))
    for (endpoint, own) in zip(service.endpoints, responses) {
      table.rows.append(row(endpoint, own, share: total > 0 ? own / total : nil))
    }
  }
  return table
}

private func row(_ service: StatsAPI.Service, _ responses: Double) -> [Table.Cell] {
  let port = "\(service.port)" + (service.portName.isEmpty ? "" : " (\(service.portName))")
  func sum(_ count: (ServiceEndpoint) -> UInt64) -> Table.Cell { "\(service.endpoints.map(count).reduce(0, +))" }
  return [
    .init("\(service.namespace)/\(service.name):\(port)", .bold),
    "\(service.mode), \(service.headless ? "headless" : service.policy)",
    sum(\.outgoing.active), sum(\.incoming.active), sum(\.incoming.draining), "\(whole(responses))", "",
    service.imbalance.map(imbalance) ?? "–",
  ]
}

/// What an endpoint of another node accepted is for that node's agent to tell.
private func row(_ endpoint: ServiceEndpoint, _ responses: Double, share: Double?) -> [Table.Cell] {
  let name: Table.Cell = "  \(endpoint.authority)"
  guard endpoint.local else { return [name, state(endpoint), "\(endpoint.outgoing.active)", "–", "–", "–", "", ""] }
  let draining = endpoint.incoming.draining
  return [
    name, state(endpoint), "\(endpoint.outgoing.active)", "\(endpoint.incoming.active)",
    .init("\(draining)", draining > 0 ? .yellow : .plain), "\(whole(responses))", .init(share.map(shareBar) ?? ""), "",
  ]
}

private func state(_ endpoint: ServiceEndpoint) -> Table.Cell {
  .init(endpoint.state, endpoint.state == "ready" ? .plain : .yellow)
}

/// Up to 1.2 is what chance makes of an even spread.
private func imbalance(_ value: Double) -> Table.Cell {
  .init(hundredths(value), value <= 1.2 ? .green : value <= 2 ? .yellow : .red)
}

private func whole(_ value: Double) -> Int { Int(value.rounded()) }
