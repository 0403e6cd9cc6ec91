/// What can be known of a server's stream of which the first bytes have left. Positions are offsets in the stream.
struct Knowledge: Equatable {
  enum Sync { case silent, inSync, opaque, lost }

  var sync: Sync
  /// All before is read, or payload to be skipped; `nil` where the stream cannot be followed.
  var next: Int?
  /// The stream whose header block is open.
  var headerBlock: UInt32?
  /// May a frame be put behind these bytes?
  var isBoundary = false
  var responses = 0
  /// Where the first GOAWAY begins.
  var goaway: Int?
}
