internal import Clibbpf
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A BPF map whose keys and values are the given C types.
///
/// Calls are system calls; each looks at the map as it is in that moment.
public struct BPFMap<Key: BitwiseCopyable, Value: BitwiseCopyable>: ~Copyable, Sendable
where Key: Sendable, Value: Sendable {
  public let name: String
  public let maxEntries: Int
  let descriptor: Descriptor

  /// Checks that the map's keys and values have the sizes of `Key` and `Value`: a stale layout is found here.
  init(_ descriptor: consuming Descriptor, name: String) throws(KernelError) {
    let info = try descriptor.mapInfo(name)
    // A value per CPU has the size of one of them here.
    guard info.key_size == MemoryLayout<Key>.size, info.value_size == MemoryLayout<Value>.size else {
      throw KernelError(
        "use map \(name)", .invalidArgument,
        advice: "its keys and values have \(info.key_size) and \(info.value_size) bytes, "
          + "not \(MemoryLayout<Key>.size) and \(MemoryLayout<Value>.size)")
    }
    self.name = name
    self.maxEntries = Int(info.max_entries)
    self.descriptor = descriptor
  }

  /// Opens a pinned map; nil where there is none.
  public init?(pinnedAt path: String) throws(KernelError) {
    let opened = bpf_obj_get(path)
    if opened < 0 && Errno.current == .noSuchFileOrDirectory { return nil }
    try self.init(Descriptor(owning: try check("open the pinned map \(path)") { opened }), name: path)
  }

  /// The value of a key; nil where there is none.
  public func value(for key: Key) throws(KernelError) -> Value? {
    let result = withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { value -> Result<Value?, Errno> in
      let failed = withUnsafeBytes(of: key) {
        bpf_map_lookup_elem(descriptor.raw, $0.baseAddress, value.baseAddress) != 0
      }
      if failed { return Errno.current == .noSuchFileOrDirectory ? .success(nil) : .failure(.current) }
      return .success(value[0])
    }
    do { return try result.get() } catch { throw KernelError("read map \(name)", error) }
  }

  public enum Condition: UInt64, Sendable {
    case always = 0
    case absent = 1
    case present = 2
  }

  /// Sets a value. The corresponding command of bpf(2) is BPF_MAP_UPDATE_ELEM.
  public func set(_ key: Key, to value: Value, if condition: Condition = .always) throws(KernelError) {
    try check("write map \(name)", advice: fullMapAdvice) {
      withUnsafeBytes(of: key) { key in
        withUnsafeBytes(of: value) { value in
          bpf_map_update_elem(descriptor.raw, key.baseAddress, value.baseAddress, condition.rawValue)
        }
      }
    }
  }

  /// Removes a key. Returns whether it was there.
  @discardableResult
  public func remove(_ key: Key) throws(KernelError) -> Bool {
    let failed = withUnsafeBytes(of: key) { bpf_map_delete_elem(descriptor.raw, $0.baseAddress) != 0 }
    guard failed else { return true }
    if Errno.current == .noSuchFileOrDirectory { return false }
    throw KernelError("remove an entry of map \(name)", .current)
  }

  /// The keys that are in a hash map. Exact as long as nobody removes keys meanwhile.
  public func keys() throws(KernelError) -> [Key] {
    var keys: [Key] = []
    while let next = try key(after: keys.last) { keys.append(next) }
    return keys
  }

  private func key(after previous: Key?) throws(KernelError) -> Key? {
    let result = withUnsafeTemporaryAllocation(of: Key.self, capacity: 1) { next -> Result<Key?, Errno> in
      let failed =
        if let previous {
          withUnsafeBytes(of: previous) { bpf_map_get_next_key(descriptor.raw, $0.baseAddress, next.baseAddress) != 0 }
        } else {
          bpf_map_get_next_key(descriptor.raw, nil, next.baseAddress) != 0
        }
      if failed { return Errno.current == .noSuchFileOrDirectory ? .success(nil) : .failure(.current) }
      return .success(next[0])
    }
    do { return try result.get() } catch { throw KernelError("list the keys of map \(name)", error) }
  }

  private var fullMapAdvice: String? {
    switch Errno.current {
    case .argListTooLong: "it is full with \(maxEntries) entries"
    default: nil
    }
  }
}

extension BPFMap where Key == UInt32 {
  /// The first values of an array, or all, by their index, in few system calls.
  public func values(first limit: Int = .max) throws(KernelError) -> [Value] {
    let (perCall, wanted) = (4096, min(limit, maxEntries))
    var values: [Value] = []
    values.reserveCapacity(wanted)
    var keys = [UInt32](repeating: 0, count: perCall)
    var position: UInt32 = 0
    while values.count < wanted {
      var count = UInt32(min(perCall, wanted - values.count))
      let isFirst = values.isEmpty
      var failure: Errno?
      let batch = [Value](unsafeUninitializedCapacity: Int(count)) { buffer, initialized in
        let result = withUnsafeMutablePointer(to: &position) { position in
          bpf_map_lookup_batch(
            descriptor.raw, isFirst ? nil : position, position, &keys, buffer.baseAddress, &count, nil)
        }
        // ENOENT says that the end was reached; what came before it is there.
        if result != 0 && Errno.current != .noSuchFileOrDirectory {
          failure = .current
          count = 0
        }
        initialized = Int(count)
      }
      if let failure { throw KernelError("read map \(name)", failure) }
      if batch.isEmpty { break }
      values += batch
    }
    return values
  }

  /// A new array that nothing refers to yet but the returned value: to be put into a map of maps.
  ///
  /// `innerFlags`: the map's flags, which must be those of the template in the map of maps.
  public static func array(named name: String, holding values: [Value]) throws(KernelError) -> BPFMap {
    var options = bpf_map_create_opts()
    options.sz = MemoryLayout<bpf_map_create_opts>.size
    options.map_flags = UInt32(BPF_F_INNER_MAP)
    let count = UInt32(values.count)
    let created = try check("create an array of \(count) entries") {
      bpf_map_create(
        BPF_MAP_TYPE_ARRAY, name, UInt32(MemoryLayout<UInt32>.size), UInt32(MemoryLayout<Value>.size), count, &options)
    }
    let map = try BPFMap(Descriptor(owning: created), name: name)
    let keys = Array(0..<count)
    var written = count
    try check("fill an array of \(count) entries") {
      bpf_map_update_batch(map.descriptor.raw, keys, values, &written, nil)
    }
    return map
  }

  /// The sum over all CPUs of a counter in an array that has one value per CPU.
  public func sum(of key: UInt32) throws(KernelError) -> UInt64 where Value == UInt64 {
    let cpus = Int(libbpf_num_possible_cpus())
    var values = [UInt64](repeating: 0, count: max(cpus, 1))
    var key = key
    try check("read map \(name)") { bpf_map_lookup_elem(descriptor.raw, &key, &values) }
    return values.reduce(0, +)
  }
}

/// A map that several may hold: a noncopyable one cannot be an element of an array.
public final class SharedMap<Key: BitwiseCopyable & Sendable, Value: BitwiseCopyable & Sendable>: Sendable {
  let map: BPFMap<Key, Value>

  public init(_ map: consuming BPFMap<Key, Value>) { self.map = map }
}

extension BPFMap where Value == Int32 {
  /// Puts maps into a map of maps. When this returns, no program uses the maps that were there before any more.
  ///
  /// Programs see each of them as soon as it is in. That none uses the former ones, the kernel waits for: before Linux
  /// 6.8 for each, since then once for all of them (`maybe_wait_bpf_programs` in kernel/bpf/syscall.c).
  ///
  /// - Returns: by their position, the failures. What was there under such a key stays there.
  public func set<K, V>(_ keys: [Key], to maps: [SharedMap<K, V>]) -> [Int: KernelError] {
    let values = maps.map { $0.map.descriptor.raw }
    return eachInBatches(keys.count, "write map \(name)") { position, count in
      values.withUnsafeBufferPointer { values in
        keys.withUnsafeBufferPointer { keys in
          bpf_map_update_batch(
            descriptor.raw, keys.baseAddress.map { $0 + position }, values.baseAddress.map { $0 + position }, &count,
            nil)
        }
      }
    }
  }

  /// Removes keys from a map of maps. When this returns, no program uses the maps that were there any more.
  ///
  /// - Returns: by their position, the failures. A key that is not there is none.
  public func remove(_ keys: [Key]) -> [Int: KernelError] {
    eachInBatches(keys.count, "remove entries of map \(name)") { position, count in
      keys.withUnsafeBufferPointer { keys in
        bpf_map_delete_batch(descriptor.raw, keys.baseAddress.map { $0 + position }, &count, nil)
      }
    }.filter { $0.value.errno != .noSuchFileOrDirectory }
  }

  /// Calls `body` with the position of the next entry and the number of those left, which it sets to how many it has done,
  /// until all are done or have failed: a batch ends at the first that fails.
  private func eachInBatches(
    _ count: Int, _ action: String, _ body: (Int, inout UInt32) -> Int32
  ) -> [Int: KernelError] {
    var failures: [Int: KernelError] = [:]
    var position = 0
    while position < count {
      let left = UInt32(count - position)
      var done = left
      guard body(position, &done) != 0 else { break }
      // Where the call as a whole was refused, the number is what it was.
      position += done == left ? 0 : Int(done)
      failures[position] = KernelError(action, .current, advice: fullMapAdvice)
      position += 1
    }
    return failures
  }
}

extension Descriptor {
  func mapInfo(_ name: String) throws(KernelError) -> bpf_map_info {
    var info = bpf_map_info()
    var size = UInt32(MemoryLayout<bpf_map_info>.size)
    try check("inspect map \(name)") { bpf_obj_get_info_by_fd(raw, &info, &size) }
    return info
  }
}
