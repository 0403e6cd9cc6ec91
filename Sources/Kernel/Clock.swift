#if canImport(Glibc)
  internal import Glibc
#endif

/// The time that BPF programs stamp with (`bpf_ktime_get_ns`): CLOCK_MONOTONIC, since boot, without times of suspension.
public func timeSinceBoot() -> Duration { read(CLOCK_MONOTONIC) }

/// The processor time that this thread has taken: between two calls of it, nothing may be awaited.
public func threadProcessorTime() -> Duration { read(CLOCK_THREAD_CPUTIME_ID) }

private func read(_ clock: clockid_t) -> Duration {
  var time = timespec()
  clock_gettime(clock, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
