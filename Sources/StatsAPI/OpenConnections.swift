internal import NIOCore
internal import Synchronization

/// The connections of a server that are open, to be closed with it.
final class OpenConnections: Sendable {
  private struct State {
    var isClosed = false
    var channels: [ObjectIdentifier: any Channel] = [:]
  }

  private let state = Mutex(State())

  /// Takes a new connection in. False: the server ends, and the connection is not to be served any more.
  func add(_ channel: any Channel) -> Bool {
    let key = ObjectIdentifier(channel)
    let isOpen = state.withLock { state in
      if !state.isClosed { state.channels[key] = channel }
      return !state.isClosed
    }
    if isOpen { channel.closeFuture.whenComplete { _ in self.remove(key) } }
    return isOpen
  }

  private func remove(_ key: ObjectIdentifier) { state.withLock { _ = $0.channels.removeValue(forKey: key) } }

  /// Closes all, and every later one, whatever is being read from them or written to them. Returns when they are closed.
  func close() async {
    let channels = state.withLock { state in
      state.isClosed = true
      return Array(state.channels.values)
    }
    for channel in channels { channel.close(promise: nil) }
    for channel in channels { try? await channel.closeFuture.get() }
  }
}
