import FoundationEssentials
import MockAPIServer

/// Where a lab's agents have the Services and EndpointSlices from.
public enum ObjectSource: String, Sendable, CaseIterable {
  /// Files: `evenkeel agent --manifests`.
  case manifests
  /// An API server of the lab's own: `evenkeel agent --kubeconfig`.
  case apiServer = "api-server"

  /// What the variable EVENKEEL_LAB_OBJECTS says; files without it.
  ///
  /// - Throws: `LabError.refused` where it says something else.
  public static func ofEnvironment() throws(LabError) -> ObjectSource {
    guard let name = ProcessInfo.processInfo.environment["EVENKEEL_LAB_OBJECTS"] else { return .manifests }
    guard let source = ObjectSource(rawValue: name) else {
      throw .refused("EVENKEEL_LAB_OBJECTS: expected manifests or api-server, found '\(name)'")
    }
    return source
  }
}

/// The API server of a lab: it listens on loopback, and knows the lab's Services.
struct LabAPIServer: Sendable {
  let server: MockAPIServer
  /// A kubeconfig that names it.
  let kubeconfig: String

  /// - Parameter directory: for the kubeconfig.
  init(in directory: String) async throws {
    server = try await MockAPIServer()
    kubeconfig = "\(directory)/kubeconfig.json"
    let text = """
      {"apiVersion": "v1", "kind": "Config", "current-context": "lab",
       "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
       "clusters": [{"name": "lab", "cluster": {"server": "\(server.url)"}}],
       "users": [{"name": "lab", "user": {}}]}

      """
    try SystemCalls.replace(kubeconfig, with: text, draft: "\(kubeconfig).draft")
  }

  func put(_ service: Service) throws { try server.put(Manifest(service).objects()) }

  func remove(_ service: Service) {
    for family in Manifest.Family.allCases {
      server.remove(
        "endpointslices", Manifest.Object.sliceName(service, family), namespace: service.namespace)
    }
    server.remove("services", service.name, namespace: service.namespace)
  }

  /// As the kubelet registers it.
  func add(_ node: Node) throws {
    try server.put(#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "\#(node.name)", "labels": {}}}"#)
  }
}
