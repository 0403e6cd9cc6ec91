import SystemPackage
import Testing

@testable import Manifests

@Suite("What to watch")
struct WatchListTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The names that matter on the way to a path, and below the test's folder.
  private func ways(to name: String) -> Set<String> {
    let list = WatchList(ways: folder / name)
    let names = list.names.flatMap { folder, names in names.map { folder.appending($0) } }
    let below = Set(names + list.wholes.map { $0.appending("*") }).map { $0.lexicallyNormalized() }
      .filter { $0.starts(with: folder.path) && $0 != folder.path }
    return Set(below.map { String($0.string.dropFirst(folder.path.string.count + 1)) })
  }

  @Test("on the way to a path every name matters that is looked up, and in the path itself all names")
  func plain() throws {
    try folder.makeFolder("a/b")
    #expect(ways(to: "a/b") == ["a", "a/b", "a/b/*"])
    #expect(ways(to: "nowhere/x") == ["nowhere", "nowhere/x", "nowhere/x/*"])
  }

  @Test("links are followed, absolute ones, relative ones, and those that lead nowhere")
  func links() throws {
    try folder.makeFolder("a")
    try folder.link("a/absolute", to: (folder / "c/d").string)
    try folder.link("a/relative", to: "../e/f")
    #expect(ways(to: "a/absolute/x") == ["a", "a/absolute", "c", "c/d", "c/d/x", "c/d/x/*"])
    #expect(ways(to: "a/relative/x") == ["a", "a/relative", "e", "e/f", "e/f/x", "e/f/x/*"])
  }

  @Test("a relative path is looked up from the working folder on, an absolute one from the root on")
  func start() {
    #expect(WatchList(ways: "x").names == [".": ["x"]])
    #expect(WatchList(ways: "/x-none/y").names == ["/": ["x-none"], "/x-none": ["y"]])
    #expect(WatchList(ways: "/").wholes == ["/"])
  }

  @Test("a loop of links comes to an end")
  func loop() throws {
    try folder.link("one", to: "two")
    try folder.link("two", to: "one")
    #expect(ways(to: "one") == ["one", "two"])
  }
}
