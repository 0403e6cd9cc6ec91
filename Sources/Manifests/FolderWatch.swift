import Dispatch
import Glibc
import SystemPackage

/// Tells of changes in folders, for as long as it lives (inotify).
///
/// Folders, not files: files are replaced by renaming others over them, and come and go.
struct FolderWatch: ~Copyable {
  /// Why changes may pass unnoticed, if so: mostly the limits `fs.inotify.max_user_instances` and `max_user_watches`.
  let failure: Errno?
  /// Owns the descriptor.
  private let source: (any DispatchSourceRead)?

  /// What can change what a path leads to, or what a file there says. A file that is being written is of no interest
  /// before it is closed.
  static let events =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
    | IN_ONLYDIR

  /// What adding a folder fails with that does not exist or must not be read. The folder above tells when it appears.
  private static let absence: [Errno] = [
    .noSuchFileOrDirectory, .notDirectory, .permissionDenied, .tooManySymbolicLinkLevels,
  ]

  /// - Parameter onChange: Called on a queue of its own, once for any number of changes.
  ///
  /// The corresponding C functions are `inotify_init1` and `inotify_add_watch`.
  init(_ list: WatchList, onChange: @escaping @Sendable () -> Void) {
    let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
    guard descriptor >= 0 else {
      (failure, source) = (Errno(rawValue: errno), nil)
      return
    }
    var failures: [Errno] = []
    func add(_ folder: FilePath) -> Int32? {
      let watch = inotify_add_watch(descriptor, folder.string, UInt32(bitPattern: Self.events))
      if watch < 0 { failures.append(Errno(rawValue: errno)) }
      return watch < 0 ? nil : watch
    }
    // Several paths may lead to one folder, which then is one watch: all names matter if they do for one of the paths.
    var names: [Int32: Set<String>] = [:]
    for (folder, some) in list.names {
      if let watch = add(folder) { names[watch, default: []].formUnion(some) }
    }
    for folder in list.wholes {
      if let watch = add(folder) { names[watch] = nil }
    }
    failure = failures.first { !Self.absence.contains($0) }
    source = Self.source(of: descriptor, names, onChange)
  }

  deinit { source?.cancel() }

  /// Owns `descriptor`, and calls `onChange` for events in which `names` matter.
  private static func source(
    of descriptor: Int32, _ names: [Int32: Set<String>], _ onChange: @escaping @Sendable () -> Void
  ) -> any DispatchSourceRead {
    let queue = DispatchQueue(label: "evenkeel.watch")
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
    source.setEventHandler {
      // What exactly has happened is of no interest: everything is read again.
      if readEvents(descriptor, names) { onChange() }
    }
    // Dispatch may use the descriptor until the cancellation is complete: it is closed then, and nowhere else.
    source.setCancelHandler { close(descriptor) }
    source.activate()
    return source
  }
}

/// Reads all events that wait; whether one of them matters: one of a watch's names, or any event of a watch without names,
/// of a folder itself, or of the queue (which may have lost others).
func readEvents(_ descriptor: Int32, _ names: [Int32: Set<String>]) -> Bool {
  withUnsafeTemporaryAllocation(byteCount: 4096, alignment: MemoryLayout<inotify_event>.alignment) { buffer in
    var matters = false
    while case let count = read(descriptor, buffer.baseAddress, buffer.count), count > 0 {
      var rest = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      while !rest.isEmpty {
        let event = rest.load(as: inotify_event.self)
        let size = MemoryLayout<inotify_event>.size + Int(event.len)
        let name = String(decoding: rest[MemoryLayout<inotify_event>.size..<size].prefix { $0 != 0 }, as: UTF8.self)
        matters = matters || name.isEmpty || names[event.wd]?.contains(name) ?? true
        rest = UnsafeRawBufferPointer(rebasing: rest[size...])
      }
    }
    return matters
  }
}
