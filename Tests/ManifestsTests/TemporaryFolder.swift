import Foundation
import SystemPackage

/// A folder of a test's own, removed with all in it at the end.
final class TemporaryFolder: Sendable {
  let path: FilePath
  /// Beside it, where nobody watches: for what is renamed into it when it is complete.
  private let staging: FilePath

  init() throws {
    let parent = FilePath(NSTemporaryDirectory()).appending("evenkeel-\(UUID().uuidString)")
    (path, staging) = (parent.appending("folder"), parent.appending("staging"))
    for folder in [path, staging] {
      try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path.removingLastComponent().string) }

  func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: (self / name).string, withIntermediateDirectories: true)
  }

  /// Writes in place, as a shell's redirection does.
  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(filePath: (self / name).string))
  }

  /// Renames another file over it, as editors do.
  func replace(_ name: String, by text: String) throws {
    let new = staging.appending(UUID().uuidString)
    try Data(text.utf8).write(to: URL(filePath: new.string))
    try Self.rename(new, self / name)
  }

  /// Makes a link, or renames a new one over an old one as the kubelet does with ConfigMaps.
  func link(_ name: String, to target: String) throws {
    let new = staging.appending(UUID().uuidString)
    try FileManager.default.createSymbolicLink(atPath: new.string, withDestinationPath: target)
    try Self.rename(new, self / name)
  }

  func rename(_ old: String, to new: String) throws { try Self.rename(self / old, self / new) }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: (self / name).string) }

  static func / (folder: TemporaryFolder, name: String) -> FilePath { folder.path.pushing(FilePath(name)) }

  /// FileManager does not rename over what is there.
  private static func rename(_ old: FilePath, _ new: FilePath) throws {
    guard Foundation.rename(old.string, new.string) == 0 else { throw Errno(rawValue: errno) }
  }
}
