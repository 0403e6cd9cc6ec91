#if canImport(Glibc)
  internal import Glibc
#endif

/// What a subcommand acts on besides the agent: tests give it one of their own.
public struct Environment: Sendable {
  /// Writes to the standard output.
  public var output: @Sendable (String) -> Void
  /// Writes to the standard error.
  public var errors: @Sendable (String) -> Void
  /// Where keys are read from, and the terminal whose size and mode count.
  public var input: CInt
  public var terminal: CInt
  /// `NO_COLOR`, `TERM`.
  public var variables: [String: String]

  public init(
    output: @escaping @Sendable (String) -> Void, errors: @escaping @Sendable (String) -> Void, input: CInt,
    terminal: CInt, variables: [String: String]
  ) {
    self.output = output
    self.errors = errors
    self.input = input
    self.terminal = terminal
    self.variables = variables
  }

  /// The process's own.
  public static var process: Environment {
    Environment(
      output: { write($0, to: STDOUT_FILENO) }, errors: { write($0, to: STDERR_FILENO) }, input: STDIN_FILENO,
      terminal: STDOUT_FILENO, variables: processVariables("NO_COLOR", "TERM"))
  }

  /// A person reads the output.
  var isTerminal: Bool { isatty(terminal) == 1 }

  /// Colour is for a terminal that has it and a user who wants it (https://no-color.org).
  var usesColor: Bool { isTerminal && variables["NO_COLOR", default: ""].isEmpty && variables["TERM"] != "dumb" }
}

/// Writes all of a text. A reader that has gone away, as in `evenkeel connections | head`, is no error.
func write(_ text: String, to descriptor: CInt) {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written > 0 || errno == EINTR else { return }
    rest = rest.dropFirst(max(written, 0))
  }
}

private func processVariables(_ names: String...) -> [String: String] {
  var variables: [String: String] = [:]
  for name in names {
    if let value = getenv(name) { variables[name] = String(cString: value) }
  }
  return variables
}
