extension Node {
  /// Reads the documents of a text, and calls back with each.
  ///
  /// - Parameter text: YAML 1.1, as libyaml reads it, or JSON.
  /// - Throws: `YAMLError` at the first thing that is wrong, after the documents before it.
  public static func forEachDocument(in text: String, _ body: (Node) -> Void) throws(YAMLError) {
    try text.utf8Span.span.withUnsafeBufferPointer { buffer throws(YAMLError) in
      var composer = Composer(try EventParser(buffer))
      while let document = try composer.next() { body(document) }
    }
  }

  /// The one document of a text; nil if there is none.
  ///
  /// - Throws: `YAMLError`, also if there are several.
  public static func document(in text: String) throws(YAMLError) -> Node? {
    var documents: [Node] = []
    try forEachDocument(in: text) { documents.append($0) }
    guard documents.count < 2 else {
      throw YAMLError(documents[1].mark, "another document begins here; one was expected")
    }
    return documents.first
  }
}
