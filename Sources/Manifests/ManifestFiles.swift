import Balancing
import FoundationEssentials
import SystemPackage

/// The text of the manifests at a path at one moment.
struct ManifestFiles: Sendable, Equatable {
  private let path: String
  private var texts: [Text] = []
  private var unreadable: [ManifestError.Problem] = []
  private var notText: [ManifestError.Problem] = []

  private struct Text: Sendable, Equatable {
    let path: String
    let content: String
  }

  private static let extensions: Set = ["yaml", "yml", "json"]

  /// Reads a file, or the manifests right in a directory: those not hidden, by name.
  init(at path: FilePath) {
    self.path = path.string
    do {
      let isDirectory = try path.stat().type == .directory
      for file in isDirectory ? try Self.manifests(in: path) : [path] { read(file) }
    } catch {
      note(error, path)
    }
  }

  /// What the texts amount to.
  func cluster(_ selector: LabelSelector, nodeName: String?) throws(ManifestError) -> Cluster {
    var bad = notText
    if texts.isEmpty && unreadable.isEmpty && notText.isEmpty {
      bad.append(.init(Location(path: path), "holds no manifests (*.yaml, *.yml or *.json)"))
    }
    var services: [Service] = []
    var endpointSlices: [EndpointSlice] = []
    var nodes: [ClusterNode] = []
    for text in texts {
      let problems = Problems(source: text.path, unknownFields: .refused)
      for object in ManifestDecoder().decode(text.content, problems) {
        switch object {
        case .service(let service): services.append(service)
        case .endpointSlice(let slice): endpointSlices.append(slice)
        case .node(let node): nodes.append(node)
        }
      }
      bad += problems.all
    }
    let assembly = Assembly(
      services: services, endpointSlices: endpointSlices, nodes: nodes, selector: selector, nodeName: nodeName)
    // Contradictions are only of interest between objects that are right in themselves.
    if bad.isEmpty && unreadable.isEmpty { bad = assembly.conflicts }
    if !bad.isEmpty { throw ManifestError(.badData, unreadable + bad) }
    if !unreadable.isEmpty { throw ManifestError(.unreadable, unreadable) }
    return assembly.cluster
  }

  /// The manifests in a directory, sorted by name.
  static func manifests(in directory: FilePath) throws -> [FilePath] {
    // Opened only because Errno says better than FileManager what is wrong.
    try FileDescriptor.open(directory, .readOnly, options: [.directory, .closeOnExec]).close()
    return try FileManager.default.contentsOfDirectory(atPath: directory.string).sorted()
      .filter { !$0.hasPrefix(".") }.map { directory.appending($0) }
      .filter { extensions.contains($0.extension ?? "") }
  }

  private mutating func read(_ file: FilePath) {
    let place = Location(path: file.string)
    do {
      // Without waiting: opening a pipe would wait for a writer.
      let descriptor = try FileDescriptor.open(file, .readOnly, options: [.nonBlocking, .closeOnExec])
      defer { try? descriptor.close() }
      let stat = try descriptor.stat()
      if stat.type == .directory { return }
      guard stat.type == .regular else {
        return unreadable.append(.init(place, "is neither a file nor a directory"))
      }
      let bytes = try descriptor.readAll(upTo: Int(stat.size))
      guard let content = String(validating: bytes, as: UTF8.self) else {
        return notText.append(.init(place, "is not text in UTF-8"))
      }
      texts.append(Text(path: file.string, content: content))
    } catch {
      note(error, file)
    }
  }

  private mutating func note(_ error: any Error, _ file: FilePath) {
    unreadable.append(.init(Location(path: file.string), "cannot be read: \(error)"))
  }
}

extension FileDescriptor {
  /// The first `count` bytes, or fewer if it ends before.
  fileprivate func readAll(upTo count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let free = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
        let count = try read(into: free)
        guard count > 0 else { return }
        filled += count
      }
    }
  }
}
