import FoundationEssentials
import SystemPackage

/// The folders, and the names in them, of which a change can change what some paths lead to.
struct WatchList: Equatable {
  /// In these folders only some names matter: those of a path's next component.
  private(set) var names: [FilePath: Set<String>] = [:]
  /// In these every name matters.
  private(set) var wholes: Set<FilePath> = []

  /// As many symbolic links as Linux follows on the way to a file (MAXSYMLINKS).
  private static let maximumLinks = 40

  /// Adds every name that is looked up on the way to `path`, and all names in it in case it is a folder.
  ///
  /// Symbolic links are followed, dangling ones too: a release folder may be exchanged by a link, and so is a ConfigMap's
  /// `..data`. A folder that does not exist is of no use in the list and no harm.
  mutating func add(wayTo path: FilePath) {
    var next = follow(path)
    for _ in 0..<Self.maximumLinks {
      guard let path = next else { return }
      next = follow(path)
    }
  }

  /// Adds the names up to the first symbolic link; returns the path with this link replaced by its target.
  private mutating func follow(_ path: FilePath) -> FilePath? {
    var folder = path.root.map { FilePath(root: $0, []) } ?? "."
    var rest = path.components
    while let name = rest.first {
      rest.removeFirst()
      names[folder, default: []].insert(name.string)
      let entry = folder.appending(name)
      if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: entry.string) {
        return folder.pushing(FilePath(target)).appending(rest)
      }
      folder = entry
    }
    wholes.insert(folder)
    return nil
  }
}
