import FoundationEssentials
import Glibc
import SystemPackage

/// What a lab puts on the machine, all of which carries its id: removed by the lab itself at its end, or by `cleanup`
/// if it was killed.
struct LabResources: Sendable {
  let id: String

  /// Letters and digits: the id stands before the first `-` in names of namespaces. Short: a socket's path has room
  /// for 107 bytes.
  static let idLengths = 1...12

  init(id: String) throws(LabError) {
    guard Self.idLengths.contains(id.utf8.count), id.allSatisfy({ $0.isASCII && ($0.isLowercase || $0.isNumber) })
    else {
      throw .refused("'\(id)' is no id for a lab: 1 to 12 small letters and digits")
    }
    self.id = id
  }

  private static let parentDirectory = "/run"
  /// Of the lab's directory and of its cgroup.
  private static let prefix = "evenkeel-lab-"

  var directory: String { "\(Self.parentDirectory)/\(Self.prefix)\(id)" }
  var bpffs: String { "\(directory)/bpffs" }
  var manifests: String { "\(directory)/manifests" }

  /// Where a node's own agent pins, and where it listens.
  func bpffs(ofNode name: String) -> String { "\(directory)/bpffs-\(name)" }
  func socket(ofNode name: String) -> String { "\(directory)/\(name).sock" }

  func cgroup() throws(LabError) -> Cgroup { try Cgroup.root().child(Self.prefix + id) }

  func namespace(_ name: String) -> NetworkNamespace { NetworkNamespace(name: "ek-\(id)-\(name)") }

  private var namespaces: [NetworkNamespace] {
    SystemCalls.names(in: NetworkNamespace.directory).filter { $0.hasPrefix("ek-\(id)-") }
      .map { NetworkNamespace(name: $0) }
  }

  func make() throws(LabError) {
    try SystemCalls.makeDirectory(manifests)
    try mountBPF(at: bpffs)
    try cgroup().make()
  }

  /// Makes a bpf file system below the lab's directory.
  func mountBPF(at path: String) throws(LabError) {
    try SystemCalls.makeDirectory(path, mode: 0o700)
    try SystemCalls.mount(type: "bpf", at: path)
  }

  /// Removes all of it, in the order in which things hold each other: processes, network, pins, files.
  func remove() async throws {
    try await removeContents()
    try SystemCalls.removeDirectory(directory)
  }

  /// Removes all but the directory, which is what a claim stands on.
  ///
  /// Goes on where a step fails, and throws the first error at the end.
  func removeContents() async throws {
    var first: (any Error)?
    func attempt(_ step: () async throws -> Void) async {
      do { try await step() } catch { first = first ?? error }
    }
    await attempt { try await cgroup().remove() }
    await attempt { try await NetworkNamespace.delete(namespaces) }
    for path in SystemCalls.names(in: directory).map({ "\(directory)/\($0)" }) {
      await attempt {
        if SystemCalls.isMountPoint(path) { try SystemCalls.unmount(path) }
        try FileManager.default.removeItem(atPath: path)
      }
    }
    if let first { throw first }
  }

  /// The ids of all labs that have left a trace, dead or alive.
  static func allIDs() throws(LabError) -> [String] {
    let named = SystemCalls.names(in: parentDirectory) + SystemCalls.names(in: try Cgroup.root().path)
    let namespaces = SystemCalls.names(in: NetworkNamespace.directory).compactMap { name -> String? in
      let parts = name.split(separator: "-")
      return parts.count > 2 && parts[0] == "ek" ? String(parts[1]) : nil
    }
    return Set(named.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } + namespaces).sorted()
  }

  /// Makes the lab's directory, and claims the id for as long as the result lives and the process runs.
  ///
  /// - Throws: `LabError.refused` while another process has it.
  func claim() throws(LabError) -> Claim {
    do { try SystemCalls.makeDirectory(directory) } catch .system(_, .fileExists) {}
    return try Claim(directory: directory, id: id)
  }

  /// A lock on the lab's directory: the kernel lets go of it when the process ends, however it ends.
  struct Claim: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    fileprivate init(directory: String, id: String) throws(LabError) {
      let opened: FileDescriptor
      do {
        opened = try FileDescriptor.open(FilePath(directory), .readOnly, options: [.directory, .closeOnExec])
      } catch {
        throw .system("open \(directory)", error as? Errno ?? .ioError)
      }
      // A directory that is no longer there may be locked too: its owner removed it just now.
      guard flock(opened.rawValue, LOCK_EX | LOCK_NB) == 0, SystemCalls.isSame(opened, as: directory) else {
        try? opened.close()
        throw .refused("a lab with the id '\(id)' is running")
      }
      descriptor = opened
    }

    deinit { try? descriptor.close() }
  }
}
