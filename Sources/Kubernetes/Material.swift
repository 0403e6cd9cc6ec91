import FoundationEssentials
import SystemPackage

/// A certificate, key or token that settings hold, or name the file of; and whose it is, for errors.
struct Material: Sendable, Equatable {
  enum Place: Sendable, Equatable {
    case inline([UInt8])
    case file(FilePath)
  }

  let place: Place
  /// `certificate-authority`
  let field: String
  /// What is to be used: `cluster "dev" of kubeconfig /root/.kube/config`.
  let owner: String
  /// What to do where the file is missing.
  var advice: String?

  /// What it says now: a file is read anew each time, for such files are rotated.
  func read() throws(APIServerError) -> [UInt8] {
    switch place {
    case .inline(let bytes): return bytes
    case .file(let path):
      do {
        return try contents(of: path)
      } catch {
        throw wrong("cannot be read: \(error)", advice: advice)
      }
    }
  }

  /// A text without the white space around it, which editors and `echo` leave at the end.
  func readText() throws(APIServerError) -> String {
    let text = String(decoding: try read(), as: UTF8.self)
    return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  func wrong(_ problem: String, advice: String? = nil) -> APIServerError {
    let subject =
      switch place {
      case .inline: "\(field)"
      case .file(let path): "\(field): \(path)"
      }
    return APIServerError(.configuration, "use \(owner)", "\(subject) \(problem)", advice: advice)
  }
}

/// A whole file.
///
/// - Throws: `Errno`, whose text is short and says what is wrong.
func contents(of path: FilePath) throws -> [UInt8] {
  // Without waiting: opening a pipe would wait for a writer.
  let descriptor = try FileDescriptor.open(path, .readOnly, options: [.nonBlocking, .closeOnExec])
  let type: FileType
  do {
    defer { try? descriptor.close() }
    type = try descriptor.stat().type
  }
  if type == .directory { throw Errno.isDirectory }
  guard type == .regular else { throw Errno.invalidArgument }
  return try [UInt8](Data(contentsOf: URL(filePath: path.string)))
}
