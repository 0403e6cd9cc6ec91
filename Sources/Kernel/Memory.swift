internal import CLinux

/// The program's own memory.
public enum Memory {
  /// Large blocks go back to the kernel as soon as they are free.
  ///
  /// By itself, glibc raises the size from which it does so to that of the largest block that has been freed, 32 MiB at
  /// most: libbpf reads the kernel's types, twice 6 MB, each time that it loads programs, and as much would stay
  /// resident for good. To be called before much is allocated. The corresponding C function is `mallopt`.
  public static func giveBackLargeBlocks() {
    mallopt(M_MMAP_THRESHOLD, 4 << 20)
    // What is free at a heap's end is kept up to here: rounds of draining use it again, and with 10,000 connections
    // cost a tenth more where each made its pages anew.
    mallopt(M_TRIM_THRESHOLD, 16 << 20)
  }
}
