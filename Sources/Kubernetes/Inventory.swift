internal import Balancing
internal import Manifests

/// What is known from an API server at a moment, of what it consists.
enum Part: CaseIterable {
  case services
  case endpointSlices
  case node
}

/// All that an API server has told, and what has not been handed on of it.
struct Inventory: Sendable {
  /// What each part fails of, where it does.
  var failures: [Part: SourceProblem] = [:]
  private var catalog: Catalog
  private var zone: String?
  /// The parts of which nothing is known yet.
  private var missing: Set<Part>
  private var wasTaken = false
  /// When the earliest change arrived that has not been handed on.
  private var earliest: Duration?
  private var invalid: [Part: [ObjectName: SourceProblem]] = [:]

  init(selector: LabelSelector, nodeName: String?) {
    catalog = Catalog(selector: selector, nodeName: nodeName)
    missing = nodeName == nil ? [.services, .endpointSlices] : [.services, .endpointSlices, .node]
  }

  var problems: [SourceProblem] {
    (Array(failures.values) + invalid.values.flatMap(\.values)).sorted {
      ($0.since, $0.subject) < ($1.since, $1.subject)
    }
  }

  mutating func apply(_ change: WatchChange, of part: Part, seen: Duration) {
    earliest = earliest ?? seen
    switch change {
    case .changed(let objects):
      for object in objects {
        catalog.set(object)
        invalid[part]?[object.metadata.objectName] = nil
      }
    case .deleted(let name):
      remove(name, of: part)
      invalid[part]?[name] = nil
    case .invalid(let name, let error):
      let since = invalid[part]?[name]?.since ?? seen
      invalid[part, default: [:]][name] = SourceProblem(subject: "\(name)", message: "\(error)", since: since)
    case .complete(let names):
      keep(names, of: part)
      invalid[part] = invalid[part]?.filter { names.contains($0.key) }
      missing.remove(part)
    }
  }

  /// A Node that cannot be had is not waited for: it says no more than which endpoints are near.
  mutating func apply(_ node: Result<ClusterNode, SourceProblem>, seen: Duration) {
    earliest = earliest ?? seen
    missing.remove(.node)
    switch node {
    case .success(let node):
      catalog.set(.node(node))
      failures[.node] = nil
    case .failure(let problem):
      failures[.node] = problem
    }
  }

  private mutating func remove(_ name: ObjectName, of part: Part) {
    switch part {
    case .services: catalog.remove(service: name)
    case .endpointSlices: catalog.remove(endpointSlice: name)
    case .node: break
    }
  }

  private mutating func keep(_ names: Set<ObjectName>, of part: Part) {
    switch part {
    case .services: catalog.keepServices(named: names)
    case .endpointSlices: catalog.keepEndpointSlices(named: names)
    case .node: break
    }
  }

  /// What has changed since this was last called; nil before all is known, and where nothing has changed that matters.
  mutating func takeUpdate(at now: Duration) -> KubernetesUpdate? {
    guard missing.isEmpty else { return nil }
    let isComplete = !wasTaken
    let cluster = catalog.takeUpdate()
    defer { (earliest, wasTaken, zone) = (nil, true, cluster.zone) }
    guard isComplete || !cluster.services.isEmpty || cluster.zone != zone else { return nil }
    return KubernetesUpdate(cluster: cluster, isComplete: isComplete, seen: isComplete ? now : earliest ?? now)
  }
}
