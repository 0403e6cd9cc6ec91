/// Why a connection is drained. The raw value is the debug data of its GOAWAY and a label of the metrics.
///
/// The smaller reason is the more urgent one: it is placed first, and it is the one named where several apply.
public enum DrainReason: String, Sendable, CaseIterable, Comparable {
  /// The pod is going away: all of its connections, at once.
  case endpointTerminating = "endpoint_terminating"
  /// Asked for by an operator.
  case manual
  /// Pods were added, and the old ones shed their part.
  case rebalance
  /// Older than the Service's drain interval.
  case maxAge = "max_age"

  public static func < (a: DrainReason, b: DrainReason) -> Bool { a.rank < b.rank }

  private var rank: Int {
    switch self {
    case .endpointTerminating: 0
    case .manual: 1
    case .rebalance: 2
    case .maxAge: 3
    }
  }
}

/// Why a connection is left alone for good. The raw value is a label of the metrics.
public enum UndrainableReason: String, Sendable, CaseIterable {
  /// Not HTTP/2 in the clear: TLS, HTTP/1, anything else.
  case opaque
  /// Some of the server's bytes were not seen, so that the frame boundaries are lost.
  case outOfSync = "out_of_sync"
  /// Established before its frames could be followed.
  case olderThanAgent = "older_than_agent"
  /// The server's socket could not be duplicated.
  case notBorrowable = "not_borrowable"
  /// A GOAWAY was handed to the kernel and not seen to leave. It may yet, so that a second one is out of the question.
  case unconfirmed
}
