#if canImport(Glibc)
  internal import Glibc
#endif

/// The time that BPF programs stamp with (`bpf_ktime_get_ns`): CLOCK_MONOTONIC, since boot, without times of suspension.
public func timeSinceBoot() -> Duration {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
