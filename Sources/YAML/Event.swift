/// A step through a text (YAML 1.2, §3.1.2), as libyaml tells it.
struct Event {
  let kind: Kind
  let mark: Mark

  enum Kind {
    case documentStart
    case alias(String)
    case scalar(Scalar, anchor: String?)
    case sequenceStart(anchor: String?)
    case mappingStart(anchor: String?)
    /// Of a document, a sequence, a mapping: of what began last.
    case end
    case streamStart
    case streamEnd
  }
}
