import Foundation
import PackagePlugin

/// Compiles `bpf/evenkeel.bpf.c` before the module that uses it.
@main
struct EmbedBPF: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let bpf = context.package.directoryURL.appending(path: "bpf")
    let source = bpf.appending(path: "evenkeel.bpf.c")
    let object = context.pluginWorkDirectoryURL.appending(path: "evenkeel.bpf.o")
    let swift = context.pluginWorkDirectoryURL.appending(path: "BPFObjectBytes.swift")
    let headers = try [bpf, bpf.appending(path: "include")].flatMap { folder in
      try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        .filter { $0.pathExtension == "h" }.sorted { $0.path < $1.path }
    }
    return [
      .buildCommand(
        displayName: "Compiling evenkeel.bpf.c for BPF",
        executable: try context.tool(named: "CompileBPF").url,
        arguments: [
          try context.tool(named: "clang").url.path, source.path, bpf.appending(path: "include").path, object.path,
          swift.path,
        ],
        inputFiles: [source] + headers,
        outputFiles: [swift])
    ]
  }
}
