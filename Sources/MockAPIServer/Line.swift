internal import Manifests

/// The lines of a watch.
enum Line {
  static func event(_ type: String, _ object: String) -> String { #"{"type":"\#(type)","object":\#(object)}"# + "\n" }

  static func error(_ status: APIStatus) -> String { event("ERROR", status.json) }

  static func bookmark(_ collection: Collection, at version: Int, endsInitialEvents: Bool = false) -> String {
    let end = endsInitialEvents ? #","annotations":{"k8s.io/initial-events-end":"true"}"# : ""
    let metadata = #""metadata":{"resourceVersion":"\#(version)","creationTimestamp":null\#(end)}"#
    return event("BOOKMARK", "{\(collection.typeFields),\(metadata)\(collection.emptyFields)}")
  }
}

extension APIStatus {
  /// The body of an answer that is an error.
  var json: String {
    let details = retryAfter.map { #""details":{"retryAfterSeconds":\#($0.components.seconds)},"# } ?? ""
    return #"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":\#(message.quoted),"#
      + #""reason":"\#(reason)",\#(details)"code":\#(code)}"#
  }
}

extension String {
  /// As a string of JSON; there are no control characters in what is said here.
  fileprivate var quoted: String {
    "\"" + replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
