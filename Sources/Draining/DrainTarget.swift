public import Balancing

/// What an operator asks to be drained.
public enum DrainTarget: Sendable, Equatable {
  /// All of this node's connections to the endpoints of a Service.
  case service(ServiceName)
  /// All connections to an endpoint.
  case endpoint(SocketAddress)
  case connection(UInt64)

  /// Whether there is such a thing, even if this node has no connection to it.
  func isKnown(to servicePorts: [ServicePort]) -> Bool {
    switch self {
    case .service(let name): servicePorts.contains { $0.service == name }
    case .endpoint(let address): servicePorts.contains { $0.endpoints.contains { $0.address == address } }
    case .connection: false
    }
  }

  func filter(_ servicePorts: [ServicePort]) -> (AcceptedConnection) -> Bool {
    switch self {
    case .service(let name):
      let ports = servicePorts.lazy.filter { $0.service == name }
      let endpoints = Set(ports.flatMap { $0.endpoints.lazy.map(\.address) })
      return { endpoints.contains($0.endpoint) }
    case .endpoint(let address): return { $0.endpoint == address }
    case .connection(let id): return { $0.id == id }
    }
  }
}

/// The answer to an operator who asks for a drain.
public enum DrainAnswer: Sendable, Equatable {
  /// So many connections now wait for their GOAWAY because of the request, those included that did before. Zero also
  /// where everything that was meant is draining already, or cannot be drained.
  case queued(Int)
  /// There is no such Service, endpoint or connection.
  case unknown
}
