internal import Manifests
internal import NIOCore
internal import NIOHTTP1

/// The answer to one request, sent bit by bit.
struct Exchange: Sendable {
  let channel: any Channel

  func answer(_ status: Int, _ body: String) {
    begin(status, length: body.utf8.count)
    write(body)
    end()
  }

  func answer(_ status: APIStatus) {
    begin(status.code, retryAfter: status.retryAfter)
    write(status.json)
    end()
  }

  /// Without a length, the body is sent in chunks.
  func begin(_ status: Int, length: Int? = nil, retryAfter: Duration? = nil) {
    var headers = HTTPHeaders([("Content-Type", "application/json")])
    if let length { headers.add(name: "Content-Length", value: String(length)) }
    if let retryAfter { headers.add(name: "Retry-After", value: String(retryAfter.components.seconds)) }
    let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
    channel.writeAndFlush(HTTPServerResponsePart.head(head), promise: nil)
  }

  func write(_ text: String) {
    guard !text.isEmpty else { return }
    channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text))), promise: nil)
  }

  func end() { channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil) }

  /// Ends the connection wherever it is, once everything is sent that was written.
  func cut() {
    channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer()))).whenComplete { _ in
      channel.close(promise: nil)
    }
  }
}
