import Subprocess
import Synchronization

/// A program that runs in a pod, on a node or beside them, in a process group of its own.
///
/// Its standard input is a pipe that stays open as long as it runs and the lab lives: a program that ends with its
/// input ends with the lab, even if the lab is killed.
public final class RunningProgram: Sendable {
  public let name: String
  public let processIdentifier: Int32
  /// What it prints on standard output, line by line, kept until it is read. One reader at a time; a line that was
  /// read is gone. Ends with the program.
  public let lines: AsyncStream<String>
  private let state: State
  private let completion: Task<ExitStatus, any Error>

  private init(
    name: String, processIdentifier: Int32, lines: AsyncStream<String>, state: State,
    completion: Task<ExitStatus, any Error>
  ) {
    self.name = name
    self.processIdentifier = processIdentifier
    self.lines = lines
    self.state = state
    self.completion = completion
  }

  static func start(
    _ name: String, entering cgroup: Cgroup, _ command: [String], environment: [String: String]
  ) async throws -> RunningProgram {
    let (lines, lineSink) = AsyncStream.makeStream(of: String.self)
    let (started, startSink) = AsyncThrowingStream.makeStream(of: Int32.self)
    let state = State()
    let arguments = cgroup.entering + command
    var options = PlatformOptions()
    options.processGroupID = 0  // A terminal's Ctrl-C is for the lab alone, which then ends its programs in order.
    let completion = Task { [options] in
      defer { lineSink.finish() }
      do {
        let result = try await Subprocess.run(
          .found(arguments[0]), arguments: Arguments(Array(arguments.dropFirst())), environment: .of(environment),
          platformOptions: options, input: .inputWriter, output: .sequence, error: .sequence
        ) { process in
          state.began(process.processIdentifier.value)
          startSink.yield(process.processIdentifier.value)
          defer { state.ended() }
          async let errors: Void = state.collect(process.standardError.strings(bufferingPolicy: .unbounded))
          for try await line in process.standardOutput.strings(bufferingPolicy: .unbounded) { lineSink.yield(line) }
          try await errors
        }
        return ExitStatus(result.terminationStatus)
      } catch {
        startSink.finish(throwing: error)
        throw error
      }
    }
    for try await processIdentifier in started {
      return RunningProgram(
        name: name, processIdentifier: processIdentifier, lines: lines, state: state, completion: completion)
    }
    throw CancellationError()
  }

  /// What it has printed on standard error so far; of much, the end.
  public var errorOutput: String { state.errorOutput }

  public var isRunning: Bool { state.isRunning }

  /// Waits for a line on standard output, and reads those before it.
  ///
  /// - Returns: the line.
  /// - Throws: `LabError.timedOut`; `LabError.commandFailed` if the program ends first, even with success.
  @discardableResult
  public func waitForLine(
    within limit: Duration = .seconds(30), where isWanted: @escaping @Sendable (String) -> Bool
  ) async throws -> String {
    let line = try await Lab.within(limit, "the line that \(name) was to print") { [lines] in
      for await line in lines where isWanted(line) { return String?.some(line) }
      return nil
    }
    try Task.checkCancellation()
    guard let line else { throw try await ended() }
    return line
  }

  /// Waits until the program says that it is ready: a line that begins with `word`.
  @discardableResult
  public func waitUntilReady(_ word: String = "ready", within limit: Duration = .seconds(30)) async throws -> String {
    try await waitForLine(within: limit) { $0.hasPrefix(word) }
  }

  /// Waits for the end, and can itself be cancelled.
  public func waitUntilExit() async throws -> ExitStatus {
    let end = AsyncStream<Never> { continuation in
      Task { [completion] in
        _ = await completion.result
        continuation.finish()
      }
    }
    for await _ in end {}
    try Task.checkCancellation()
    return try await completion.value
  }

  /// Sends a signal to the program; does nothing if it has ended.
  public func send(_ signal: Signal) { state.send(signal) }

  /// Asks the program to end (SIGTERM), and kills it if it does not.
  @discardableResult
  public func stop(within limit: Duration = .seconds(10)) async throws -> ExitStatus {
    send(.terminate)
    do {
      return try await Lab.within(limit, "the end of \(name)") { try await self.waitUntilExit() }
    } catch LabError.timedOut {
      return try await kill()
    }
  }

  /// Ends the program at once (SIGKILL).
  @discardableResult
  public func kill() async throws -> ExitStatus {
    send(.kill)
    return try await waitUntilExit()
  }

  /// The error that says how the program ended before it should.
  func ended() async throws -> LabError {
    let status = try await waitUntilExit()
    return .commandFailed(command: name, status: status, errorOutput: errorOutput)
  }
}
