import NIOCore
import Testing

@testable import Kubernetes

@Suite("Lines of a watch")
struct LineSplitterTests {
  private func split(_ chunks: [String], limit: Int = 100) throws -> (lines: [String], isAtLineStart: Bool) {
    var splitter = LineSplitter(limit: limit)
    let lines = try chunks.flatMap { try splitter.lines(in: ByteBuffer(string: $0)) }
    return (lines.map { String(decoding: $0, as: UTF8.self) }, splitter.isAtLineStart)
  }

  @Test("several lines in one chunk, and one line over several")
  func chunks() throws {
    #expect(try split(["a\nb\nc", "d", "e\n"]) == (["a", "b", "cde"], true))
  }

  @Test("the same, wherever the chunks end")
  func everyCut() throws {
    let text = "first\nsecond\n\nthe third\n"
    for length in 1...text.utf8.count {
      let chunks = stride(from: 0, to: text.count, by: length).map { start in
        String(text.dropFirst(start).prefix(length))
      }
      #expect(try split(chunks) == (["first", "second", "the third"], true))
    }
  }

  @Test("a line that has not ended is none, and is known to have begun")
  func unfinished() throws {
    #expect(try split(["a\nb"]) == (["a"], false))
    #expect(try split([]) == ([], true))
  }

  @Test("a line at the limit is taken; a longer one is an error, also before it has ended")
  func limit() throws {
    #expect(try split(["0123", "4567\n"], limit: 8).lines == ["01234567"])
    #expect(throws: WatchFailure.lineTooLong(limit: 8)) { try split(["0123", "45678"], limit: 8) }
    #expect(throws: WatchFailure.lineTooLong(limit: 8)) { try split(["ok\n012345678\n"], limit: 8) }
  }
}
