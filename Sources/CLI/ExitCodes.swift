internal import Agent
internal import ArgumentParser
internal import Datapath
internal import Kernel
internal import Kubernetes
internal import Manifests
internal import StatsAPI
internal import SystemPackage

extension Environment {
  /// Runs what may fail; an error becomes one clear message and the documented exit code.
  func reporting(_ body: () async throws -> Void) async throws {
    do {
      try await body()
    } catch let code as ExitCode {
      throw code
    } catch {
      errors("evenkeel: \(error)\n")
      throw exitCode(for: error)
    }
  }
}

/// The exit codes of the contract.
func exitCode(for error: any Error) -> ExitCode {
  switch error {
  case let error as ManifestError: error.kind == .badData ? .badData : .configuration
  case let error as APIServerError: error.kind == .configuration ? .configuration : .unavailable
  case let error as StatsServerError: error.errno.isPermission ? .notPermitted : .configuration
  case DatapathError.noBPFFileSystem, DatapathError.inUse, is NoCgroupError: .configuration
  case DatapathError.kernel(let error): exitCode(for: error)
  case let error as KernelError:
    switch error.errno {
    case .notPermitted, .permissionDenied: .notPermitted
    case .noSuchFileOrDirectory, .notDirectory, .invalidArgument: .configuration
    default: .unavailable
    }
  default: .failure
  }
}

extension Errno {
  fileprivate var isPermission: Bool { self == .notPermitted || self == .permissionDenied }
}

struct NoCgroupError: Error, CustomStringConvertible {
  let description = "cgroup v2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup, or name a directory with --cgroup"
}

/// The root of cgroup v2.
func mountedCgroup() throws -> String {
  guard let path = try FileSystem.cgroupMount(in: Machine.text(of: "/proc/self/mounts")) else { throw NoCgroupError() }
  return path
}
