import FoundationEssentials

/// Where the programs of this project are: beside the one that runs, as `swift build` and a package put them.
public enum Executables {
  /// The path of a program in the same folder as the running one. It may not be there.
  public static func beside(_ name: String) -> String {
    let folder = own.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return (folder + [name[...]]).joined(separator: "/")
  }

  /// The path of the running program.
  public static var own: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
  }
}
