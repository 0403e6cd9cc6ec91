internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// An array of a BPF program in the agent's own memory, to be read without system calls. It is unmapped with this value.
public struct MappedArray<Value: BitwiseCopyable & Sendable>: ~Copyable {
  /// How many values there are.
  public let count: Int
  private let values: UnsafeBufferPointer<Value>
  private let mapping: UnsafeMutableRawPointer

  /// Maps an array that was made to be: its flags hold BPF_F_MMAPABLE. The corresponding C function is `mmap`.
  public init(_ map: borrowing BPFMap<UInt32, Value>) throws(KernelError) {
    // The kernel puts values at multiples of eight bytes, and may map less than the array, but not more.
    precondition(MemoryLayout<Value>.size % 8 == 0, "values would have gaps between them")
    count = map.maxEntries
    let mapped = mmap(nil, Self.size(count), PROT_READ, MAP_SHARED, map.descriptor.raw, 0)
    guard let mapped, mapped != MAP_FAILED else { throw KernelError("map \(map.name) into memory", .current) }
    mapping = mapped
    values = UnsafeBufferPointer(start: mapped.assumingMemoryBound(to: Value.self), count: count)
  }

  deinit {
    munmap(mapping, Self.size(count))
  }

  /// Calls `body` with the first values as they are now. Nobody may write them meanwhile.
  func withFirst(_ count: Int, _ body: (Span<Value>) -> Void) {
    body(values.extracting(..<count).span)
  }

  private static func size(_ count: Int) -> Int { count * MemoryLayout<Value>.size }
}
