/// The name that was probably meant: the nearest one, if it is no more than two typing mistakes away and most of it is
/// right; nil if there is none.
func nearestName(to name: String, among names: some Sequence<String>) -> String? {
  names.map { (distance: typingDistance(name.lowercased(), $0.lowercased()), name: $0) }
    .filter { $0.distance <= min(2, $0.name.count / 2) }
    .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
}

/// How many letters were left out, added, mistaken or swapped with their neighbour (optimal string alignment distance).
private func typingDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a), Array(b))
  var rows = [Array(0...b.count)]
  for i in 1..<(a.count + 1) {
    var row = [i]
    for j in 1..<(b.count + 1) {
      let same = a[i - 1] == b[j - 1]
      var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (same ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, rows[i - 2][j - 2] + 1) }
      row.append(best)
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}
