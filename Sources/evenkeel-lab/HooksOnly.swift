import Benchmark
import Kernel
import Lab

/// Direct connections through programs that do nothing, at the hooks that Evenkeel's are attached to: what is left of the
/// direct way's figures with any programs at all.
struct HooksOnly: Contender {
  let id = Report.limit
  let name = "direct, empty programs"
  let isNearDirect = true

  private final class Attached: Sendable {
    let programs: EmptyPrograms
    init(_ programs: consuming EmptyPrograms) { self.programs = programs }
  }

  func setUp(on stage: BenchStage) async throws -> Way {
    let attached = Attached(try EmptyPrograms(on: Kernel.Cgroup(path: stage.node.cgroup.path)))
    // Held until then: the programs go with it.
    return Way(one: BenchStage.direct(stage.servers[0]), all: stage.servers.map(BenchStage.direct)) { _ = attached }
  }
}
