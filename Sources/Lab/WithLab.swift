/// Makes a lab with one node, hands it to `body`, and removes it with all that runs in it: when `body` is done,
/// throws or is cancelled.
///
/// - Parameters:
///   - id: 1 to 12 small letters and digits; nil: any.
///   - kubeProxy: whether nodes translate Service addresses. Without, only an agent makes them work.
/// - Throws: what `body` throws; `LabError` if the lab cannot be made or removed.
public func withLab<Result>(
  id: String? = nil, kubeProxy: Bool = true, objects: ObjectSource? = nil, _ body: (Cluster) async throws -> Result
) async throws -> Result {
  let lab = try Cluster(id: id ?? randomID(), hasKubeProxy: kubeProxy, objects: try objects ?? .ofEnvironment())
  let result: Result
  do {
    try await lab.setUp()
    result = try await body(lab)
  } catch {
    // Of two errors, the first is the one to show.
    _ = await tearDown(lab).result
    throw error
  }
  try await tearDown(lab).value
  return result
}

/// In a task of its own: a cancelled task could not run the commands that it takes.
private func tearDown(_ lab: Cluster) -> Task<Void, any Error> {
  Task { try await lab.tearDown() }
}

private func randomID() -> String {
  String(UInt32.random(in: .min ... .max), radix: 36)
}

/// Removes what labs have left on the machine that were killed before they could.
///
/// - Returns: the ids of those labs.
/// - Throws: the first error, after all have been tried.
public func removeRemainsOfDeadLabs() async throws -> [String] {
  try Prerequisites.check()
  var removed: [String] = []
  var firstError: (any Error)?
  for id in try LabResources.allIDs() {
    guard let resources = try? LabResources(id: id), let claim = try? resources.claim() else { continue }
    do {
      try await resources.remove()
      removed.append(id)
    } catch {
      firstError = firstError ?? error
    }
    _ = consume claim
  }
  if let firstError { throw firstError }
  return removed
}
