import Clibyaml

/// libyaml's parser, over a text that outlives it: the only place that touches libyaml's structures.
struct EventParser: ~Copyable {
  // Of its own on the heap, for it points into itself.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let text: UnsafeBufferPointer<UInt8>

  /// - Parameter text: In UTF-8, with or without a byte order mark.
  init(_ text: UnsafeBufferPointer<UInt8>) throws(YAMLError) {
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      throw YAMLError(Mark(line: 1, column: 1), outOfMemory)
    }
    yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    (self.parser, self.text) = (parser, text)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  mutating func next() throws(YAMLError) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw error }
    defer { yaml_event_delete(&event) }
    return Event(kind: Event.Kind(event), mark: Mark(event.start_mark))
  }

  private var error: YAMLError {
    guard let problem = parser.pointee.problem.map({ String(cString: $0) }) else {
      return YAMLError(Mark(parser.pointee.mark), outOfMemory)
    }
    // What reads the characters knows offsets, and no lines.
    if parser.pointee.error == YAML_READER_ERROR { return YAMLError(mark(at: parser.pointee.problem_offset), problem) }
    let context = parser.pointee.context.map {
      ", \(String(cString: $0)) that begins in line \(Mark(parser.pointee.context_mark).line)"
    }
    return YAMLError(Mark(parser.pointee.problem_mark), problem + (context ?? ""))
  }

  private func mark(at offset: Int) -> Mark {
    let before = text.prefix(offset)
    let line = before.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).last ?? before
    let column = String(decoding: line, as: UTF8.self).unicodeScalars.count + 1
    return Mark(line: before.count { $0 == UInt8(ascii: "\n") } + 1, column: column)
  }
}

private let outOfMemory = "there is not enough memory to read it"

extension Mark {
  fileprivate init(_ mark: yaml_mark_t) {
    self.init(line: mark.line + 1, column: mark.column + 1)
  }
}

extension Event.Kind {
  fileprivate init(_ event: yaml_event_t) {
    self =
      switch event.type {
      case YAML_STREAM_START_EVENT: .streamStart
      case YAML_DOCUMENT_START_EVENT: .documentStart
      case YAML_ALIAS_EVENT: .alias(text(of: event.data.alias.anchor) ?? "")
      case YAML_SCALAR_EVENT: .scalar(Scalar(event), anchor: text(of: event.data.scalar.anchor))
      case YAML_SEQUENCE_START_EVENT: .sequenceStart(anchor: text(of: event.data.sequence_start.anchor))
      case YAML_MAPPING_START_EVENT: .mappingStart(anchor: text(of: event.data.mapping_start.anchor))
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT, YAML_DOCUMENT_END_EVENT: .end
      // After its end, libyaml tells of events of no type.
      default: .streamEnd
      }
  }
}

extension Scalar {
  fileprivate init(_ event: yaml_event_t) {
    let scalar = event.data.scalar
    // It may hold zeros: the length counts.
    let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
    let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
    self.init(String(decoding: bytes, as: UTF8.self), isPlain: isPlain, tag: text(of: scalar.tag))
  }
}

private func text(of pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
  pointer.map { String(cString: $0) }
}
