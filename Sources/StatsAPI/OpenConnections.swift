internal import NIOCore
internal import Synchronization

/// The connections of a server that are open, to be closed with it.
final class OpenConnections: Sendable {
  private struct State {
    var isClosed = false
    var channels: [ObjectIdentifier: any Channel] = [:]
  }

  private let state = Mutex(State())
  private let limit: Int

  /// - Parameter limit: how many there may be at a time.
  init(limit: Int = .max) { self.limit = limit }

  /// Takes a new connection in. False: there are too many, or the server ends, and the connection is not to be served.
  func add(_ channel: any Channel) -> Bool {
    let key = ObjectIdentifier(channel)
    let isOpen = state.withLock { state in
      guard !state.isClosed && state.channels.count < limit else { return false }
      state.channels[key] = channel
      return true
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
