internal import Datapath
internal import Draining
internal import Kernel
internal import Logging
internal import Shim
internal import StatsAPI

extension Agent {
  /// Closes the connections of this node's clients to pods that have vanished.
  func closeOrphans() {
    let now = timeSinceBoot()
    guard let due = orphans?.nextLook, due <= now else { return }
    do {
      let connections = try clients?.connections() ?? []
      guard let vanished = orphans?.look(at: connections, at: now), !vanished.isEmpty else { return }
      for endpoint in vanished where endpoint.isNew {
        logger.info(
          "an endpoint has vanished, closing the connections to it",
          metadata: ["address": "\(endpoint.address)", "connections": "\(endpoint.connections.count)"])
      }
      recorded.orphansClosed(try clients?.close(vanished.flatMap(\.connections)) ?? 0)
    } catch {
      logger.error("connections to vanished endpoints were not closed: \(error)")
    }
  }
}
