internal import Dispatch
internal import StatsAPI
internal import UnixSignals

#if canImport(Glibc)
  internal import Glibc
#endif

/// What happens while `top` runs.
enum TopEvent: Sendable {
  case services(Result<[StatsAPI.Service], StatsClientError>, at: ContinuousClock.Instant)
  case resized
  case quit

  typealias Sink = AsyncStream<TopEvent>.Continuation

  /// Asks the agent until the task is cancelled.
  static func askEverySecond(_ client: StatsClient, into events: Sink) async {
    while (try? await Task.sleep(for: .seconds(1))) != nil {
      do {
        events.yield(.services(.success(try await client.services().services), at: .now))
      } catch {
        events.yield(.services(.failure(error), at: .now))
      }
    }
  }

  /// Follows the window's size, and what would end the process, until the task is cancelled.
  static func followSignals(into events: Sink) async {
    for await signal in await UnixSignalsSequence(trapping: .sigwinch, .sigint, .sigterm, .sighup) {
      events.yield(signal == .sigwinch ? .resized : .quit)
    }
  }

  /// Reads keys until the source is cancelled.
  static func readKeys(of input: CInt, into events: Sink) -> any DispatchSourceRead {
    let source = DispatchSource.makeReadSource(fileDescriptor: input)
    source.setEventHandler {
      var keys = [UInt8](repeating: 0, count: 64)
      let count = read(input, &keys, keys.count)
      if count <= 0 || keys.prefix(count).contains(where: quitKeys.contains) { events.yield(.quit) }
    }
    source.resume()
    return source
  }

  /// `q`, `Q` and, as the terminal makes no signal of it now, ^C.
  private static let quitKeys: [UInt8] = [UInt8(ascii: "q"), UInt8(ascii: "Q"), 3]
}
