import Foundation
import SystemPackage

/// A folder of a test's own, removed with all in it at the end.
final class Folder: Sendable {
  let path: FilePath

  init() throws {
    path = FilePath(NSTemporaryDirectory()).appending("evenkeel-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  /// Writes a file, in whole or not at all.
  func write(_ text: String, to name: String, mode: Int = 0o600) throws {
    try Data(text.utf8).write(to: URL(filePath: (self / name).string), options: .atomic)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: (self / name).string)
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: (self / name).string) }

  func read(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: (self / name).string)), as: UTF8.self)
  }

  static func / (folder: Folder, name: String) -> FilePath { folder.path.pushing(FilePath(name)) }
}
