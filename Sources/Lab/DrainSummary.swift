import FoundationEssentials

/// What clients did with the GOAWAYs of a run, as a packet capture shows it: what `pcap_drains.py` prints, see
/// Tests/Peers/README.md.
public struct DrainSummary: Decodable, Sendable, Equatable {
  /// What became of calls.
  public struct Outcome: Decodable, Sendable, Equatable {
    public var answered: Int
    public var lost: Int

    public init(answered: Int, lost: Int) { (self.answered, self.lost) = (answered, lost) }
  }

  /// In milliseconds.
  public struct Times: Decodable, Sendable, Equatable {
    public var median: Double
    public var longest: Double

    public init(median: Double, longest: Double) { (self.median, self.longest) = (median, longest) }
  }

  public var connections: Int
  public var goaways: Int
  /// Unary calls and streams that were open when the GOAWAY passed.
  public var unary: Outcome
  public var streams: Outcome
  /// Calls that the client began on the connection when the GOAWAY was on its way already.
  public var crossing: Outcome
  /// Drained connections after which the client made a new one, and those after which it did not.
  public var reconnects: Int
  public var staysAway: Int
  /// From the GOAWAY to the new connection's SYN, and to its first answer; nil: there was none.
  public var connecting: Times?
  public var answering: Times?
  /// Of the drained connections on which nothing was open any more.
  public var closedByClient: Int
  public var closedByServer: Int
  public var leftOpen: Int
  /// From then to the client's FIN.
  public var closing: Times?

  /// Reads what the program printed.
  public init(json line: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Self.self, from: Data(line.utf8))
  }
}
