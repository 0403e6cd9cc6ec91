import Balancing
import Foundation
import Manifests
import SystemPackage
import Testing

@Suite("Reading manifest files")
struct ManifestFilesTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The names of the Services in a file or directory of the folder.
  private func services(at name: String = "") throws -> [String] {
    try ManifestSource(path: folder / name).load().servicePorts.map(\.service.name)
  }

  private func error(at name: String = "") throws -> ManifestError {
    try #require(throws: ManifestError.self) { try ManifestSource(path: folder / name).load() }
  }

  @Test("a single file is read, whatever its name")
  func file() throws {
    try folder.write(service(), to: "manifests.txt")
    #expect(try services(at: "manifests.txt") == ["cart"])
  }

  @Test("of a directory the manifests right in it are read, not hidden files, not others, not folders")
  func directory() throws {
    for (index, name) in ["a.yaml", "b.yml", "c.json", ".d.yaml", "e.txt", "f.yaml~", "g"].enumerated() {
      try folder.write(service("s-\(name.first { $0.isLetter } ?? "x")", ip: "10.96.0.\(index)"), to: name)
    }
    try folder.makeFolder("h.yaml")
    try folder.makeFolder("i")
    try folder.write(service("s-i", ip: "10.96.1.1"), to: "i/i.yaml")
    #expect(try services() == ["s-a", "s-b", "s-c"])
  }

  @Test("the objects of several files belong together, and links are followed")
  func severalFiles() throws {
    try folder.makeFolder("elsewhere")
    try folder.makeFolder("manifests")
    try folder.write(slice(), to: "elsewhere/slice")
    try folder.write(service(), to: "manifests/service.yaml")
    try folder.link("manifests/slice.yaml", to: "../elsewhere/slice")
    let cluster = try ManifestSource(path: folder / "manifests").load()
    #expect(cluster.servicePorts.map(\.endpoints.count) == [1])
  }

  @Test("the selector applies")
  func selector() throws {
    try folder.write(service(), to: "a.yaml")
    #expect(try ManifestSource(path: folder.path, selector: LabelSelector("x")).load() == Cluster())
  }

  @Test("what is not there is an error of its own kind that names the path", arguments: ["", "/", "/a.yaml"])
  func absent(suffix: String) throws {
    let error = try error(at: "nowhere" + suffix)
    #expect(error.kind == .unreadable)
    #expect(error.description == "\(folder / ("nowhere" + suffix)): cannot be read: No such file or directory")
  }

  @Test("so is a link in a directory that leads nowhere, and what stands in other files is reported too")
  func danglingLink() throws {
    try folder.link("b.yaml", to: "nowhere")
    try folder.write(service(), to: "a.yaml")
    #expect(try error().kind == .unreadable)
    try folder.write("kind: ]", to: "c.yaml")
    let error = try error()
    #expect(error.kind == .badData)
    #expect(error.problems.map(\.location.fileAndLine) == ["\(folder / "b.yaml")", "\(folder / "c.yaml"):1"])
  }

  @Test("a pipe is refused, not waited for")
  func pipe() throws {
    #expect(mkfifo((folder / "pipe").string, 0o600) == 0)
    #expect(try error(at: "pipe").description == "\(folder / "pipe"): is neither a file nor a directory")
  }

  @Test("an empty directory and one without manifests are errors that say so")
  func emptyDirectory() throws {
    let expected = "\(folder.path): holds no manifests (*.yaml, *.yml or *.json)"
    #expect(try error().description == expected)
    try folder.write(service(), to: "cart.yaml.orig")
    #expect(try error().description == expected)
    #expect(try error().kind == .badData)
  }

  @Test("an empty file is an error that names it, also among others")
  func emptyFile() throws {
    try folder.write("", to: "a.yaml")
    try folder.write(service(), to: "b.yaml")
    #expect(try error().description == "\(folder / "a.yaml"): holds no object")
  }

  @Test("a file that is not text is an error that names it")
  func binary() throws {
    try Data([0x6b, 0xff, 0xfe]).write(to: URL(filePath: (folder / "a.yaml").string))
    #expect(try error().description == "\(folder / "a.yaml"): is not text in UTF-8")
    #expect(try error().kind == .badData)
  }

  @Test("a byte order mark and Windows' line ends do no harm")
  func windows() throws {
    try folder.write("\u{feff}" + service().replacing("\n", with: "\r\n"), to: "a.yaml")
    #expect(try services() == ["cart"])
  }

  @Test("Services of two files that contradict each other are an error that names both files")
  func conflict() throws {
    try folder.write(service("a"), to: "a.yaml")
    try folder.write("\n" + service("b"), to: "b.yaml")
    let (a, b) = ("\(folder / "a.yaml"):4", "\(folder / "b.yaml"):5")
    #expect(
      try error().description
        == "\(b): spec.ports[0]: Services shop/b (here) and shop/a (\(a)) have one address and port: 10.96.0.1:80")
    try folder.write(service("a"), to: "b.yaml")
    #expect(
      try error().description
        == "\(folder / "b.yaml"):1: Service shop/a is defined twice: here and at \(folder / "a.yaml"):1")
  }
}
