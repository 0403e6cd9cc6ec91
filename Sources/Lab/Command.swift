import FoundationEssentials
import Subprocess
import SystemPackage

/// Short commands of the system, run to their end.
enum Command {
  /// Runs a command, found in PATH.
  ///
  /// - Parameters:
  ///   - place: what comes before it, to bring it into a namespace or a cgroup; errors do not repeat it.
  ///   - input: its standard input; nil: /dev/null.
  /// - Returns: what it printed on standard output, at most 4 MiB.
  /// - Throws: `LabError.commandFailed` unless it exits with 0; `LabError.unsupported` if it cannot be run at all.
  @discardableResult
  static func run(
    _ command: [String], entering place: [String] = [], environment: [String: String] = [:], input: String? = nil
  ) async throws -> String {
    let arguments = place + command
    let configuration = Configuration(
      executable: .found(arguments[0]), arguments: Arguments(Array(arguments.dropFirst())),
      environment: .of(environment))
    let (output, error) = (StringOutput<UTF8>.string(limit: 4 << 20), StringOutput<UTF8>.string(limit: 1 << 20))
    let result: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
    do {
      if let input {
        result = try await Subprocess.run(configuration, input: .string(input), output: output, error: error)
      } else {
        result = try await Subprocess.run(configuration, input: .none, output: output, error: error)
      }
    } catch let error as SubprocessError {
      throw LabError.unsupported("cannot run \(arguments[0]): \(error)")
    }
    let status = ExitStatus(result.terminationStatus)
    guard status == .success else {
      throw LabError.commandFailed(
        command: command.joined(separator: " "), status: status, errorOutput: result.standardError)
    }
    return result.standardOutput
  }

  /// Where commands are looked for: a root shell's PATH may lack the administrator's folders.
  static let searchPath: [String] = {
    let own = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    let folders = own.split(separator: ":").map(String.init)
    return folders + ["/usr/sbin", "/sbin"].filter { !folders.contains($0) }
  }()
}

extension Environment {
  /// The lab's own environment with a complete PATH and the given variables.
  static func of(_ variables: [String: String]) -> Environment {
    var updates: [Key: String?] = ["PATH": Command.searchPath.joined(separator: ":")]
    for (name, value) in variables { updates[Key(stringLiteral: name)] = value }
    return .inherit.updating(updates)
  }
}

extension ExitStatus {
  init(_ status: TerminationStatus) {
    self =
      switch status {
      case .exited(let code): .code(code)
      case .signaled(let number): .signal(number)
      }
  }
}

extension Executable {
  /// A program by its path, or by a name to be found in PATH: as a shell reads the first word of a command.
  static func found(_ program: String) -> Executable {
    program.contains("/") ? .path(FilePath(program)) : .name(program)
  }
}
