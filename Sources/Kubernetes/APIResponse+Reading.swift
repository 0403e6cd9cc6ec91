internal import Manifests
internal import NIOCore

extension APIResponse {
  /// The whole body.
  ///
  /// - Parameter progress: Called for each part of it.
  func read(limit: Int, progress: () -> Void = {}) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await chunk in body {
      progress()
      bytes += chunk.readableBytesView
      guard bytes.count <= limit else { throw WatchFailure.pageTooLong(limit: limit) }
    }
    try Task.checkCancellation()
    return bytes
  }

  /// What an answer says that is an error, as far as it says anything.
  func apiStatus(_ decoder: ManifestDecoder) async -> APIStatus {
    let body = (try? await read(limit: Self.longestError)) ?? []
    var status = decoder.status(body) ?? APIStatus(code: self.status, message: body.firstLine)
    status.code = self.status
    status.retryAfter = retryAfter ?? status.retryAfter
    return status
  }

  /// Bytes of an error that are read.
  private static var longestError: Int { 1 << 20 }
}

extension [UInt8] {
  /// What a proxy may say in place of the API server, in short.
  fileprivate var firstLine: String {
    String(decoding: prefix { $0 != UInt8(ascii: "\n") }.prefix(200), as: UTF8.self)
  }
}
