/// What a server does in place of what it was asked for.
public enum Fault: Sendable {
  /// Answers with this status; `retryAfter` is in seconds.
  case status(Int, reason: String, message: String = "", retryAfter: Int? = nil)
  /// Answers 200 with this text.
  case text(String)
  /// Answers 200, and ends the watch with an event of type ERROR.
  case errorEvent(Int, reason: String, message: String = "")
  /// Sends so many bytes of the right body, and closes the connection.
  case cut(afterBytes: Int)
  /// Never answers.
  case silence
  /// Answers 200, and then never sends a byte of the body.
  case silenceAfterHead
  /// Sends what a watch begins with, and then never a byte: as if its connection had died without a word.
  case silenceAfterBeginning
}

/// A fault, and the requests that it waits for.
struct PendingFault {
  var fault: Fault
  var remaining: Int
  let isMeant: @Sendable (APIServerRequest) -> Bool
}
