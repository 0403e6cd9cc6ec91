/// A Service of the cluster with its endpoints: a value. Change it, then `Cluster.apply` it, as one does with
/// `kubectl`.
public struct Service: Sendable {
  public let namespace: String
  public let name: String
  /// What clients connect to, unless it is headless.
  public let addresses: AddressPair
  /// `clusterIP: None`: clients ask the DNS for its pods, and connect to one of them at its `targetPort`.
  public let isHeadless: Bool
  public var ports: [Port]
  public var annotations: [String: String] = [:]
  /// `sessionAffinity: ClientIP` with this time-out in seconds; nil: none. Only in the manifest: the rules of
  /// `KubeProxy` do without.
  public var affinitySeconds: Int?
  /// `internalTrafficPolicy: Local`. Only in the manifest, as above.
  public var isLocalOnly = false
  public var endpoints: [Endpoint]

  public struct Port: Sendable, Equatable {
    public var name: String
    public var port: UInt16
    public var targetPort: UInt16

    public init(name: String = "grpc", port: UInt16, targetPort: UInt16) {
      (self.name, self.port, self.targetPort) = (name, port, targetPort)
    }
  }

  public struct Endpoint: Sendable, Equatable {
    public let pod: Pod
    public var state: State

    public init(_ pod: Pod, _ state: State = .ready) {
      (self.pod, self.state) = (pod, state)
    }
  }

  /// The conditions of an endpoint (KEP-1672) in one word.
  public enum State: Sendable, CaseIterable {
    case ready, unready
    /// Terminating and still answering.
    case serving
    /// Terminating and no longer answering.
    case terminating
  }

  /// Adds pods as ready endpoints.
  public mutating func add(_ pods: [Pod]) { endpoints += pods.map { Endpoint($0) } }

  public mutating func remove(_ pods: [Pod]) { endpoints.removeAll { pods.contains($0.pod) } }

  public mutating func mark(_ pods: [Pod], _ state: State) {
    for index in endpoints.indices where pods.contains(endpoints[index].pod) { endpoints[index].state = state }
  }

  /// The pods that new connections go to: the ready ones; if there are none, those that are terminating and still
  /// answer (KEP-1669).
  var reachablePods: [Pod] {
    let ready = endpoints.filter { $0.state == .ready }
    return (ready.isEmpty ? endpoints.filter { $0.state == .serving } : ready).map(\.pod)
  }
}
