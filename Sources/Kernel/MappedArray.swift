internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// An array of a BPF program in the agent's own memory, to be read without system calls. It is unmapped with this value.
public struct MappedArray<Value: BitwiseCopyable & Sendable>: ~Copyable {
  private let values: UnsafeMutableBufferPointer<Value>

  /// How many values there are.
  public var count: Int { values.count }

  /// Maps an array that was made to be: its flags hold BPF_F_MMAPABLE. The corresponding C function is `mmap`.
  public init(_ map: borrowing BPFMap<UInt32, Value>) throws(KernelError) {
    // The kernel lets each value begin at a multiple of eight bytes.
    precondition(MemoryLayout<Value>.size % 8 == 0, "there would be gaps between the values")
    let mapped = mmap(nil, Self.bytes(map.maxEntries), PROT_READ, MAP_SHARED, map.descriptor.raw, 0)
    guard let mapped, mapped != MAP_FAILED else { throw KernelError("map \(map.name) into memory", .current) }
    values = UnsafeMutableBufferPointer(start: mapped.assumingMemoryBound(to: Value.self), count: map.maxEntries)
  }

  deinit {
    munmap(values.baseAddress, Self.bytes(count))
  }

  /// Calls `body` with the first values as they are now. Nobody may write them meanwhile.
  func withFirst(_ count: Int, _ body: (Span<Value>) -> Void) {
    body(values.span.extracting(first: count))
  }

  private static func bytes(_ count: Int) -> Int { count * MemoryLayout<Value>.size }
}
