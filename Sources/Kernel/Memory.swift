internal import CLinux

/// The program's own memory.
public enum Memory {
  /// Large blocks go back to the kernel as soon as they are free.
  ///
  /// By itself, glibc raises the size from which it does so to that of the largest block that has been freed, 32 MiB at
  /// most: libbpf reads the kernel's types, some 6 MB, each time that it loads programs, and as much would stay resident for
  /// good, behind what was allocated later. To be called before much is allocated. The corresponding C function is `mallopt`.
  public static func giveBackLargeBlocks() {
    // Either keeps glibc from changing both. Smaller blocks come and go with each round of draining, whose pages would be
    // made anew each time.
    for threshold in [M_MMAP_THRESHOLD, M_TRIM_THRESHOLD] { mallopt(threshold, 4 << 20) }
  }
}
