// swift-tools-version: 6.2
import PackageDescription

// One way to compile everything here: warnings are errors, and imports say what they need and no more.
let swift: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// Modules of pure logic: the compiler proves that they hold no unsafe code, but for the one call of C in Simulation.
let pureSwift = swift + [.strictMemorySafety()]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let grpcCore: Target.Dependency = .product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport: Target.Dependency = .product(
  name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPCompression: Target.Dependency = .product(name: "NIOHTTPCompression", package: "swift-nio-extras")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")

// In the order in which they depend on each other: a module imports only what stands above it.
let package = Package(
  name: "evenkeel",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-crypto", "4.0.0"..<"6.0.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.30.0"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.40.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
  ],
  targets: [
    // The kernel side, and what it is made with.
    .systemLibrary(name: "Clibbpf", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev", "libelf-dev"])]),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "Clibyaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .target(name: "CBPF", path: "bpf", exclude: ["evenkeel.bpf.c"], sources: ["abi.c"], publicHeadersPath: "include"),
    .executableTarget(name: "CompileBPF", swiftSettings: swift),
    .plugin(name: "EmbedBPF", capability: .buildTool(), dependencies: ["CompileBPF"]),

    // Pure logic, and the boundaries to C: YAML, and the kernel.
    .target(name: "HTTP2", swiftSettings: pureSwift),
    .target(name: "Balancing", swiftSettings: pureSwift),
    .target(name: "Draining", dependencies: ["Balancing"], swiftSettings: pureSwift),
    .target(name: "CPick", dependencies: ["CBPF"]),
    .target(name: "Simulation", dependencies: ["Balancing", "CBPF", "CPick", "Draining"], swiftSettings: pureSwift),
    .target(name: "YAML", dependencies: ["Clibyaml"], swiftSettings: swift),
    .target(name: "Manifests", dependencies: ["Balancing", "YAML", systemPackage], swiftSettings: swift),
    .target(
      name: "Kubernetes",
      dependencies: [
        "Balancing", "Manifests", "YAML", asyncHTTPClient, logging, nioCore, nioHTTP1, nioHTTPCompression, nioPosix,
        nioSSL, subprocess, systemPackage,
      ], swiftSettings: swift),
    .target(name: "Kernel", dependencies: ["Clibbpf", "CLinux", systemPackage], swiftSettings: swift),

    // Where they meet.
    .target(
      name: "Datapath", dependencies: ["Balancing", "CBPF", "Draining", "Kernel", systemPackage], swiftSettings: swift,
      plugins: ["EmbedBPF"]),
    .target(
      name: "Shim", dependencies: ["Balancing", "Datapath", "Draining", "HTTP2", "Kernel", subprocess, systemPackage],
      swiftSettings: swift),
    .target(
      name: "StatsAPI",
      dependencies: [
        "Balancing", asyncHTTPClient, httpTypes, hummingbirdCore, logging, nioCore, nioHTTP1, nioPosix,
        serviceLifecycle, systemPackage,
      ], swiftSettings: swift),
    .target(
      name: "Agent",
      dependencies: [
        "Balancing", "Datapath", "Draining", "Kernel", "Kubernetes", "Manifests", "Shim", "StatsAPI", logging,
        serviceLifecycle, systemPackage, unixSignals,
      ], swiftSettings: swift),

    // The program.
    .target(
      name: "CLI",
      dependencies: [
        "Agent", "Balancing", "Datapath", "Draining", "Kernel", "Kubernetes", "Manifests", "Shim", "StatsAPI",
        argumentParser, logging, systemPackage, unixSignals,
      ], swiftSettings: swift),
    .executableTarget(name: "evenkeel", dependencies: ["CLI", argumentParser], swiftSettings: swift),

    // The cluster in a box, and its API server, of objects in memory.
    .target(
      name: "MockAPIServer", dependencies: ["Manifests", nioCore, nioHTTP1, nioPosix, nioSSL], swiftSettings: swift),
    .target(name: "Lab", dependencies: ["MockAPIServer", subprocess, systemPackage], swiftSettings: swift),
    // The side-by-side benchmark: what becomes of its figures, and the client that opens connections.
    .target(name: "Benchmark", swiftSettings: pureSwift),
    .target(name: "CExchange"),
    .executableTarget(
      name: "evenkeel-lab",
      dependencies: [
        "Balancing", "Benchmark", "CExchange", "Datapath", "Draining", "Kernel", "Lab", "Manifests", "MockAPIServer",
        "Simulation", "StatsAPI", argumentParser, crypto, grpcCore, grpcTransport, nioCore, nioHTTP2, nioPosix,
        systemPackage, unixSignals,
      ],
      swiftSettings: swift),

    // Tests without root.
    .testTarget(name: "BalancingTests", dependencies: ["Balancing"], swiftSettings: swift),
    .testTarget(name: "BenchmarkTests", dependencies: ["Benchmark"], swiftSettings: swift),
    .testTarget(name: "DrainingTests", dependencies: ["Balancing", "Draining"], swiftSettings: swift),
    .testTarget(
      name: "SimulationTests", dependencies: ["Balancing", "Draining", "Simulation"], swiftSettings: swift),
    .testTarget(name: "YAMLTests", dependencies: ["YAML"], swiftSettings: swift),
    .testTarget(
      name: "ManifestsTests", dependencies: ["Balancing", "Manifests", systemPackage], swiftSettings: swift),
    .testTarget(
      name: "KubernetesTests",
      dependencies: [
        "Balancing", "Kubernetes", "Manifests", "MockAPIServer", asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix,
        nioSSL, subprocess, systemPackage,
      ],
      swiftSettings: swift),
    .target(name: "CTracker", dependencies: ["CBPF"], path: "Tests/CTracker"),
    .testTarget(name: "TrackerTests", dependencies: ["CBPF", "CTracker"], swiftSettings: swift),
    .testTarget(
      name: "StatsAPITests", dependencies: ["Balancing", "StatsAPI", logging, serviceLifecycle, systemPackage],
      swiftSettings: swift),
    .testTarget(
      name: "CLITests", dependencies: ["CLI", "StatsAPI", argumentParser, logging, serviceLifecycle],
      swiftSettings: swift),
    .testTarget(name: "LabUnitTests", dependencies: ["Lab"], swiftSettings: swift),

    // Tests with root, on the real kernel.
    .systemLibrary(name: "CNamespaces", path: "Tests/CNamespaces"),
    .testTarget(
      name: "DatapathTests",
      dependencies: ["Balancing", "CNamespaces", "Datapath", "Draining", "HTTP2", "Kernel", "Shim", systemPackage],
      swiftSettings: swift),
    .testTarget(name: "LabTests", dependencies: ["Kernel", "Lab", "MockAPIServer", "StatsAPI"], swiftSettings: swift),
  ]
)
