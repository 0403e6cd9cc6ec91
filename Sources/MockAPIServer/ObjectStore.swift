/// Objects and their history, as etcd keeps them: one version counter for all.
struct ObjectStore {
  private(set) var resourceVersion = 1
  /// What happened up to this version is forgotten.
  private var compacted = 0
  private var objects: [Collection: [ObjectKey: StoredObject]] = [:]
  private var history: [Change] = []
  /// What is left of lists that were begun, by the token with which they go on.
  private var remainders: [String: Page] = [:]

  /// One object, before and after.
  struct Change {
    let old: StoredObject?
    let new: StoredObject?
    let resourceVersion: Int
  }

  struct Page {
    var objects: [StoredObject]
    let resourceVersion: Int
    var continuation: String?
    var remaining = 0
  }

  func object(_ collection: Collection, _ key: ObjectKey) -> StoredObject? { objects[collection]?[key] }

  /// Adds an object, or replaces the one of its name.
  mutating func put(_ json: String) throws -> Change {
    let object = try StoredObject(json: json, resourceVersion: resourceVersion + 1)
    resourceVersion += 1
    let old = objects[object.collection, default: [:]].updateValue(object, forKey: object.key)
    return note(Change(old: old, new: object, resourceVersion: resourceVersion))
  }

  /// Nil: there is no such object.
  mutating func remove(_ collection: Collection, _ key: ObjectKey) -> Change? {
    guard let old = objects[collection]?.removeValue(forKey: key) else { return nil }
    resourceVersion += 1
    return note(Change(old: old, new: nil, resourceVersion: resourceVersion))
  }

  private mutating func note(_ change: Change) -> Change {
    history.append(change)
    return change
  }

  /// Forgets the history, and with it the lists that were begun.
  mutating func compact() {
    compacted = resourceVersion
    history = []
    remainders = [:]
  }

  func list(_ selection: Selection) -> [StoredObject] {
    let all = objects[selection.collection, default: [:]].values
    return all.filter(selection.contains).sorted { $0.key < $1.key }
  }

  /// The objects from the start, `limit` of them at most; zero: all.
  mutating func firstPage(_ selection: Selection, limit: Int) -> Page {
    page(of: list(selection), at: resourceVersion, limit: limit)
  }

  /// The next objects of a list, as they were when it was begun; nil if that is forgotten.
  mutating func nextPage(_ continuation: String, limit: Int) -> Page? {
    guard let rest = remainders[continuation] else { return nil }
    return page(of: rest.objects, at: rest.resourceVersion, limit: limit)
  }

  private mutating func page(of objects: [StoredObject], at version: Int, limit: Int) -> Page {
    guard limit > 0, objects.count > limit else { return Page(objects: objects, resourceVersion: version) }
    let rest = Page(objects: Array(objects.dropFirst(limit)), resourceVersion: version)
    let token = "\(version).\(remainders.count)"
    remainders[token] = rest
    return Page(
      objects: Array(objects.prefix(limit)), resourceVersion: version, continuation: token,
      remaining: rest.objects.count)
  }

  /// What has happened since; nil if that is forgotten.
  func changes(since version: Int) -> [Change]? {
    version < compacted ? nil : history.filter { $0.resourceVersion > version }
  }
}

extension ObjectStore.Change {
  /// The line that a watch of a selection gets of it; nil if that does not concern it.
  ///
  /// An object that is selected no more is gone for the watch, as it was last
  /// (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
  func line(for selection: Selection) -> String? {
    switch (old.flatMap { selection.contains($0) ? $0 : nil }, new.flatMap { selection.contains($0) ? $0 : nil }) {
    case (nil, nil): nil
    case (nil, let new?): Line.event("ADDED", new.json)
    case (_?, let new?): Line.event("MODIFIED", new.json)
    case (let old?, nil): Line.event("DELETED", old.json(resourceVersion: resourceVersion))
    }
  }
}
