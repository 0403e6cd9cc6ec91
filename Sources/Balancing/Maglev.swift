/// Maglev's lookup table ("Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, §3.4): every endpoint
/// has nearly the same number of slots, and when endpoints come or go, few slots change hands.
public enum Maglev {
  /// The prime sizes that a ring may have. With 100 slots for each endpoint, shares differ by 1 % at most.
  ///
  /// Two only, and far apart: where the size changes, nearly all slots change hands. A Service that grows from 2 to 160
  /// endpoints keeps the first, which is a table of 64 kB.
  private static let sizes = (small: 16_381, large: 262_139)

  /// For each slot the position of its endpoint; empty without endpoints.
  public static func ring(of endpoints: [SocketAddress]) -> [UInt32] {
    guard !endpoints.isEmpty else { return [] }
    let size = endpoints.count * 100 <= sizes.small ? sizes.small : sizes.large
    var ring = [UInt32?](repeating: nil, count: size)
    // Each endpoint takes slots in an order of its own, given by where it begins and how far it jumps.
    var next = endpoints.map { Int(hash($0, seed: 1) % UInt64(size)) }
    let skip = endpoints.map { Int(hash($0, seed: 2) % UInt64(size - 1)) + 1 }
    var filled = 0
    while true {
      for endpoint in endpoints.indices {
        while ring[next[endpoint]] != nil { next[endpoint] = (next[endpoint] + skip[endpoint]) % size }
        ring[next[endpoint]] = UInt32(endpoint)
        filled += 1
        if filled == size { return ring.compactMap { $0 } }
      }
    }
  }

  private static func hash(_ address: SocketAddress, seed: UInt64) -> UInt64 {
    [address.ip.high, address.ip.low, UInt64(address.port)].reduce(mix(seed)) { mix($0 ^ $1) }
  }

  /// splitmix64's step.
  private static func mix(_ value: UInt64) -> UInt64 {
    var x = value &+ 0x9e37_79b9_7f4a_7c15
    x = (x ^ x >> 30) &* 0xbf58_476d_1ce4_e5b9
    x = (x ^ x >> 27) &* 0x94d0_49bb_1331_11eb
    return x ^ x >> 31
  }
}
