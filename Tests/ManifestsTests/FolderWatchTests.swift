import Balancing
import Foundation
import Glibc
import SystemPackage
import Testing

@testable import Manifests

@Suite("Watching folders", .timeLimit(.minutes(2)))
struct FolderWatchTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("a watch ends with its value: many, one after the other, leave no descriptor open")
  func descriptors() async throws {
    for round in 0..<300 {
      let (changes, signal) = AsyncStream.makeStream(of: Void.self)
      let watch = FolderWatch(WatchList(ways: folder.path)) { signal.yield() }
      #expect(watch.failure == nil)
      try folder.write("\(round)", to: "file")
      for await _ in changes { break }
      _ = consume watch
    }
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
    let inotify = descriptors.filter { descriptor in
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
      return target == "anon_inode:inotify"
    }
    #expect(inotify.count < 100, "other tests have some, too")
  }

  @Test("folders that do not exist, files and loops of links are no failure")
  func absent() throws {
    try folder.write("", to: "file")
    try folder.link("loop", to: "loop")
    #expect(FolderWatch(WatchList(ways: folder / "nowhere", folder / "file", folder / "loop")) {}.failure == nil)
  }

  @Test("without a descriptor to be had the watch says so")
  func noDescriptors() async {
    await #expect(processExitsWith: .success) {
      var none = rlimit(rlim_cur: 3, rlim_max: 3)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
      exit(FolderWatch(WatchList(ways: "/")) {}.failure == .tooManyOpenFiles ? EXIT_SUCCESS : EXIT_FAILURE)
    }
  }

  @Test("that changes are not followed is a warning in the cluster, which says what still works")
  func warning() async throws {
    try folder.write(service(), to: "a.yaml")
    let snapshot = Snapshot(files: ManifestFiles(at: folder.path), watchFailure: .tooManyOpenFiles)
    let cluster = try await snapshot.outcome(.everything, nodeName: nil).get()
    #expect(cluster.servicePorts.count == 1)
    #expect(
      cluster.warnings == [
        "Changes of manifests are not followed: inotify: Too many open files; SIGHUP reads them again"
      ])
  }

  @Test("an event matters if its name does, or the folder itself changes")
  func names() throws {
    let descriptor = inotify_init1(Int32(IN_NONBLOCK))
    defer { close(descriptor) }
    let watch = inotify_add_watch(descriptor, folder.path.string, UInt32(FolderWatch.events))
    func matters(_ names: [Int32: Set<String>]) -> Bool { readEvents(descriptor, names) }

    #expect(!matters([watch: ["this"]]), "nothing has happened")
    try folder.write("", to: "other")
    #expect(!matters([watch: ["this"]]))
    try folder.write("", to: "other")
    #expect(matters([:]))
    // More than one reading takes.
    for number in 0..<200 { try folder.write("", to: "a-rather-long-name-\(number)") }
    try folder.write("", to: "this")
    #expect(matters([watch: ["this"]]))
    #expect(!matters([:]), "all events have been read")
    try folder.remove("")
    #expect(matters([watch: ["this"]]))
  }

  @Test("all names matter in a folder that one path leads to and another one through")
  func wholeAndPart() async throws {
    try folder.makeFolder("a")
    try folder.link("b", to: "a")
    let (changes, signal) = AsyncStream.makeStream(of: Void.self)
    let watch = FolderWatch(WatchList(ways: folder / "a", folder / "b/file")) { signal.yield() }
    try folder.write("", to: "a/other")
    for await _ in changes { break }
    #expect(watch.failure == nil)
  }
}

extension WatchList {
  init(ways paths: FilePath...) {
    self = paths.reduce(into: WatchList()) { $0.add(wayTo: $1) }
  }
}
