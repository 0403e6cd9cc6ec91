/// A process that does what it is told, in Python: a server or a client that can be killed, or pass its sockets on.
final class Puppet {
  private let child: Child

  init() throws { child = try Child(["/usr/bin/python3", "-c", Self.script]) }

  var process: Int32 { child.process }

  /// Has it run a statement, or evaluate an expression. Returns the value as Python prints it.
  @discardableResult
  func callAsFunction(_ line: String) throws -> String {
    try begin(line)
    return try answer()
  }

  /// The same in two halves, for several puppets at a time.
  func begin(_ line: String) throws { try child.write(line + "\n") }

  func answer() throws -> String {
    guard let answer = child.readLine() else { throw SandboxError("a puppet has ended: its last words are above") }
    return answer
  }

  /// Ends it by SIGKILL: its sockets are the kernel's to clear away.
  func kill() { child.kill() }

  /// Ends with its standard input.
  private static let script = """
    import array, fcntl, os, signal, socket, struct, sys, termios
    def listen(host, port): return socket.create_server((host, port), backlog=64)
    def connect(host, port): return socket.create_connection((host, port))
    def unread(s): return struct.unpack('i', fcntl.ioctl(s, termios.FIONREAD, bytes(4)))[0]
    def cookie(s): return struct.unpack('Q', s.getsockopt(socket.SOL_SOCKET, 57, 8))[0]  # SO_COOKIE
    def connect_often(host, port, count):
        for _ in range(count): connect(host, port).close()
    for line in sys.stdin:
        try: answer = eval(line)
        except SyntaxError: answer = exec(line)
        print(answer, flush=True)
    """
}
