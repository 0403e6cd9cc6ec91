// Compiles a BPF program with the toolchain's own clang and writes the object file as Swift source, so that `swift build`
// alone builds everything. Run by the plugin EmbedBPF.
//
// usage: CompileBPF CLANG SOURCE INCLUDE-FOLDER OBJECT SWIFT-FILE

import Foundation

// Kept here and not in the plugin: a tool that changes runs again, a plugin whose arguments change does not.
let flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]
// <asm/types.h> lies in a folder of its own for each architecture where distributions can hold several.
let headers = ["x86_64-linux-gnu", "aarch64-linux-gnu"].flatMap { ["-idirafter", "/usr/include/\($0)"] }

func run(_ program: String, _ arguments: [String]) throws {
  let process = Process()
  process.executableURL = URL(filePath: program)
  process.arguments = arguments
  try process.run()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else { exit(process.terminationStatus) }
}

let arguments = CommandLine.arguments
guard arguments.count == 6 else {
  FileHandle.standardError.write(Data("usage: CompileBPF CLANG SOURCE INCLUDE-FOLDER OBJECT SWIFT-FILE\n".utf8))
  exit(64)
}
let (clang, source, include, object, swift) = (arguments[1], arguments[2], arguments[3], arguments[4], arguments[5])
try run(clang, flags + headers + ["-I", include, "-c", source, "-o", object])
// libbpf needs the types (BTF), not the debugger's information.
let objcopy = URL(filePath: clang).deletingLastPathComponent().appending(path: "llvm-objcopy").path
try run(objcopy, ["--strip-debug", object])
let bytes = try Data(contentsOf: URL(filePath: object))
let hexadecimal = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
// Two digits a byte compile faster than a list of numbers.
let declaration = "let bpfObjectHexadecimal = \"\(hexadecimal)\"\n"
try declaration.write(toFile: swift, atomically: true, encoding: .utf8)
