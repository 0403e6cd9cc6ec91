import Glibc
import SystemPackage

/// A child process, in the namespaces of the thread that starts it and in the cgroup of its process. It is killed with
/// this value if it has not ended by then.
final class Child {
  let process: pid_t
  private var input: FileDescriptor?  // nil: closed
  private let output: UnsafeMutablePointer<FILE>
  private var isRunning = true

  init(_ command: [String]) throws {
    let (childInput, input) = try FileDescriptor.pipe()
    let (output, childOutput) = try FileDescriptor.pipe()
    for end in [input, output] { try system("fcntl", setCloseOnExec(end)) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (end, number) in [(childInput, STDIN_FILENO), (childOutput, STDOUT_FILENO)] {
      posix_spawn_file_actions_adddup2(&actions, end.rawValue, number)
      posix_spawn_file_actions_addclose(&actions, end.rawValue)
    }
    var arguments = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process = pid_t()
    let failure = posix_spawnp(&process, command[0], &actions, nil, &arguments, environ)
    try childInput.close()
    try childOutput.close()
    guard failure == 0 else { throw SandboxError("run \(command[0]): \(Errno(rawValue: failure))") }
    guard let file = fdopen(output.rawValue, "r") else { throw SandboxError("fdopen: \(Errno(rawValue: errno))") }
    (self.process, self.input, self.output) = (process, input, file)
  }

  deinit {
    kill()
    fclose(output)
    try? closeInput()
  }

  func write(_ text: String) throws { _ = try input?.writeAll(text.utf8) }

  /// Nil: it has closed its output.
  func readLine() -> String? {
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    guard getline(&line, &capacity, output) > 0, let line else { return nil }
    return String(cString: line).trimmingSuffix("\n")
  }

  /// Ends it by SIGKILL, and waits until it is gone.
  func kill() {
    guard isRunning else { return }
    Glibc.kill(process, SIGKILL)
    _ = wait()
  }

  /// Waits for its end. Returns its exit status as `waitpid` gives it: 0 is success.
  func wait() -> CInt {
    guard isRunning else { return 0 }
    isRunning = false
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status
  }

  /// Closes its standard input, and waits for its end.
  func finish() throws {
    try closeInput()
    let status = wait()
    guard status == 0 else { throw SandboxError("a child process ended with status \(status)") }
  }

  private func closeInput() throws {
    try input?.close()
    input = nil
  }
}

private func setCloseOnExec(_ descriptor: FileDescriptor) -> CInt { fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC) }

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}

/// Runs `ip` commands in the network namespace of the calling thread.
func ip(_ commands: String...) throws {
  let child = try Child(["ip", "-batch", "-"])
  try child.write(commands.joined(separator: "\n") + "\n")
  try child.finish()
}
