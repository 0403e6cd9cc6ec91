public import ArgumentParser
internal import Dispatch
internal import StatsAPI

#if canImport(Glibc)
  internal import Glibc
#endif

public struct TopCommand: Verb {
  public static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Watch the Services, once a second; 'q' ends.",
    discussion: "Without a terminal, and with --json, one snapshot is printed.")

  @OptionGroup var options: ClientOptions

  public init() {}

  public func run(in environment: Environment) async throws {
    let list = try await options.ask(in: environment) { client throws(StatsClientError) in try await client.services() }
    guard !options.json, isatty(environment.input) == 1, environment.isTerminal else {
      return try options.write(list, to: environment) { servicesText($0.services, color: environment.usesColor) }
    }
    await watch(in: environment, from: list.services)
  }

  /// An agent that goes away is waited for: it may be about to be replaced.
  private func watch(in environment: Environment, from services: [StatsAPI.Service]) async {
    let client = options.client
    let (events, sink) = AsyncStream.makeStream(of: TopEvent.self)
    let keys = TopEvent.readKeys(of: environment.input, into: sink)
    defer { keys.cancel() }
    async let _ = TopEvent.askEverySecond(client, into: sink)
    async let _ = TopEvent.followSignals(into: sink)

    var view = TopView()
    view.update(.success(services), at: .now)
    let screen = LiveScreen(environment)
    screen.draw(view)
    for await event in events {
      switch event {
      case .quit: return
      case .resized: break
      case .services(let result, let moment): view.update(result, at: moment)
      }
      screen.draw(view)
    }
  }
}
