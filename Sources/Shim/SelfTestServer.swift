public import Kernel

/// The server of the self-test: a process that writes on its sockets what it is told to, one order a line.
///
/// - `listen`: answers with its port on 127.0.0.1
/// - `connect`: a new connection of the process with itself; answers `connected`
/// - `send HEX`: the connection's server end sends these bytes; answers `sent`
/// - `receive N`: answers with the next N bytes that arrive at the client's end, in hexadecimal
/// - `close`: ends the connection; answers `closed`
///
/// It ends with its standard input, or with an order that is none of these.
public enum SelfTestServer {
  /// - Parameters:
  ///   - nextOrder: the next line; nil: there is no more.
  ///   - answer: takes a line.
  public static func run(nextOrder: () -> String?, answer: (String) -> Void) throws(KernelError) {
    guard nextOrder() == "listen" else { return }
    let listener = try LoopbackListener()
    answer("\(listener.port)")
    while nextOrder() == "connect" {
      let connection = try listener.connect()
      answer("connected")
      try serve(connection, nextOrder: nextOrder, answer: answer)
    }
  }

  /// Until there is an order that does not belong to a connection: `close`.
  private static func serve(
    _ connection: borrowing SocketPair, nextOrder: () -> String?, answer: (String) -> Void
  ) throws(KernelError) {
    while let order = nextOrder() {
      let words = order.split(separator: " ")
      switch (words.first, words.last) {
      case ("send", let bytes?):
        try connection.send(Hexadecimal.bytes(bytes))
        answer("sent")
      case ("receive", let count?):
        answer(Hexadecimal.text(try connection.receive(Int(count) ?? 0)))
      default:
        answer("closed")
        return
      }
    }
  }
}

enum Hexadecimal {
  static func text(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func bytes(_ text: some StringProtocol) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
  }
}
