public import Balancing
internal import CBPF
public import Kernel

/// The directory that holds what outlives the agent: `<bpffs>/evenkeel`, with the links in `links` and the maps of one
/// layout in a folder named after it. One agent has it at a time.
public struct PinDirectory: ~Copyable, Sendable {
  public let path: String
  private let lock: Descriptor

  /// Takes the directory, and makes it if need be.
  ///
  /// Throws where `bpffs` is no BPF file system, where something in it is not root's, and where another agent has it.
  public init(bpffs: String) throws(DatapathError) {
    let path = Pins.path(bpffs: bpffs)
    guard try Self.attempt({ () throws(KernelError) in try FileSystem.type(of: bpffs) == .bpf }) else {
      throw .noBPFFileSystem(bpffs)
    }
    try Self.attempt { () throws(KernelError) in try Self.prepare(path) }
    let lock = try Self.attempt { () throws(KernelError) in try Descriptor(opening: path, directory: true) }
    guard try Self.attempt({ () throws(KernelError) in try lock.lock() }) else { throw .inUse(path) }
    self.path = path
    self.lock = lock
  }

  private static func attempt<Value: ~Copyable>(
    _ body: () throws(KernelError) -> Value
  ) throws(DatapathError) -> Value {
    do { return try body() } catch { throw .kernel(error) }
  }

  private static func prepare(_ path: String) throws(KernelError) {
    for folder in [path, "\(path)/links"] { try FileSystem.makePrivateDirectory(folder) }
    for name in try FileSystem.names(in: "\(path)/links") { try FileSystem.checkOwner(of: "\(path)/links/\(name)") }
  }

  func linkPath(_ program: String) -> String { "\(path)/links/\(program)" }

  /// The folder for maps of a layout.
  func makeMapFolder(layout: String) throws(KernelError) -> String {
    let folder = "\(path)/maps-\(layout)"
    try FileSystem.makePrivateDirectory(folder)
    for name in try FileSystem.names(in: folder) { try FileSystem.checkOwner(of: "\(folder)/\(name)") }
    return folder
  }

  /// Removes the maps of all other layouts: no program uses them any more.
  func removeMaps(exceptLayout layout: String) throws(KernelError) {
    for name in try FileSystem.names(in: path) where name.hasPrefix("maps-") && name != "maps-\(layout)" {
      try FileSystem.remove("\(path)/\(name)")
    }
  }

  /// Detaches all programs and removes all maps. Connections that are established go on.
  public consuming func removeEverything() throws(KernelError) {
    for name in try FileSystem.names(in: "\(path)/links") {
      try BPFLink(pinnedAt: linkPath(name))?.detach()
    }
    try FileSystem.remove(path)
  }
}

/// What an agent, running or not, has pinned, for those who only look.
public enum Pins {
  /// Where agents that use a BPF file system pin.
  public static func path(bpffs: String) -> String { "\(bpffs)/evenkeel" }

  /// How full the pinned maps are that can be full; none where no agent has pinned any.
  public static func usage(bpffs: String) throws(KernelError) -> [(map: String, entries: Int, maxEntries: Int)] {
    guard let folder = try mapFolder(bpffs: bpffs) else { return [] }
    var usage: [(map: String, entries: Int, maxEntries: Int)] = []
    if let services = try BPFMap<socket_address, Int32>(pinnedAt: "\(folder)/services") {
      usage.append(("services", try services.keys().count, services.maxEntries))
    }
    if let outgoing = try BPFMap<UInt32, outgoing>(pinnedAt: "\(folder)/outgoing") {
      usage.append(("outgoing", try outgoing.values().count { $0.service != 0 }, outgoing.maxEntries))
    }
    if let endpoints = try BPFMap<socket_address, UInt32>(pinnedAt: "\(folder)/local_endpoints") {
      usage.append(("local_endpoints", try endpoints.keys().count, endpoints.maxEntries))
    }
    return usage
  }

  /// The number of the map that holds a Service address's table: another one with each table that is put in force. Nil
  /// where there is none.
  public static func table(of service: SocketAddress, bpffs: String) throws(KernelError) -> UInt32? {
    guard let folder = try mapFolder(bpffs: bpffs),
      let services = try BPFMap<socket_address, UInt32>(pinnedAt: "\(folder)/services")
    else { return nil }
    return try services.value(for: socket_address(service))
  }

  private static func mapFolder(bpffs: String) throws(KernelError) -> String? {
    try FileSystem.names(in: path(bpffs: bpffs)).last { $0.hasPrefix("maps-") }.map { "\(path(bpffs: bpffs))/\($0)" }
  }

  /// The numbers of the programs that the pinned links run.
  public static func programs(bpffs: String) throws(KernelError) -> Set<UInt32> {
    let folder = "\(path(bpffs: bpffs))/links"
    var programs: Set<UInt32> = []
    for name in try FileSystem.names(in: folder) {
      if let link = try BPFLink(pinnedAt: "\(folder)/\(name)") { programs.insert(try link.programID()) }
    }
    return programs
  }
}

/// Why the data path cannot be had.
public enum DatapathError: Error, CustomStringConvertible {
  case noBPFFileSystem(String)
  /// Another process holds the pins.
  case inUse(String)
  case kernel(KernelError)

  public var description: String {
    switch self {
    case .noBPFFileSystem(let path):
      "\(path) is not a BPF file system: mount one there (mount -t bpf bpf \(path)) or name another with --bpffs"
    case .inUse(let path):
      "another agent uses \(path): end it first, or choose another BPF file system with --bpffs"
    case .kernel(let error): "\(error)"
    }
  }
}
