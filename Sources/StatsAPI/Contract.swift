// The shapes of the HTTP API on the Unix socket. They are stable: programs outside this project read them.
// JSON names are the Swift names in snake case.

/// `GET /v1/services`
public struct ServiceList: Codable, Sendable, Equatable {
  public var services: [Service]

  public init(services: [Service]) { self.services = services }
}

/// One port of a Service.
public struct Service: Codable, Sendable, Equatable {
  public var namespace: String
  public var name: String
  public var port: UInt16
  public var portName: String
  public var addresses: [String]
  public var headless: Bool
  public var mode: String
  public var policy: String
  /// The busiest ready local endpoint's responses over the last 10 s, over the mean of them; nil (`null`) without traffic.
  public var imbalance: Double?
  public var endpoints: [ServiceEndpoint]

  public init(
    namespace: String, name: String, port: UInt16, portName: String, addresses: [String], headless: Bool, mode: String,
    policy: String, imbalance: Double?, endpoints: [ServiceEndpoint]
  ) {
    self.namespace = namespace
    self.name = name
    self.port = port
    self.portName = portName
    self.addresses = addresses
    self.headless = headless
    self.mode = mode
    self.policy = policy
    self.imbalance = imbalance
    self.endpoints = endpoints
  }
}

public struct ServiceEndpoint: Codable, Sendable, Equatable {
  public var address: String
  public var port: UInt16
  /// `ready`, `serving`, `terminating` or `unready`.
  public var state: String
  public var node: String?
  public var zone: String?
  public var local: Bool
  public var outgoing: Outgoing
  public var incoming: Incoming

  public init(
    address: String, port: UInt16, state: String, node: String?, zone: String?, local: Bool, outgoing: Outgoing,
    incoming: Incoming
  ) {
    self.address = address
    self.port = port
    self.state = state
    self.node = node
    self.zone = zone
    self.local = local
    self.outgoing = outgoing
    self.incoming = incoming
  }

  /// Connections that this node's clients opened through the Service address.
  public struct Outgoing: Codable, Sendable, Equatable {
    /// Now connecting or established.
    public var active: UInt64
    /// Ever established.
    public var opened: UInt64
    /// Ever failed before they were established.
    public var failed: UInt64

    public init(active: UInt64 = 0, opened: UInt64 = 0, failed: UInt64 = 0) {
      (self.active, self.opened, self.failed) = (active, opened, failed)
    }
  }

  /// Connections that the endpoint, a pod of this node, accepted.
  public struct Incoming: Codable, Sendable, Equatable {
    /// Now established, the draining ones too.
    public var active: UInt64
    /// Now established, with a GOAWAY seen on the wire.
    public var draining: UInt64
    /// Responses that ended (END_STREAM), ever.
    public var responses: UInt64
    /// GOAWAYs placed and seen on the wire, ever.
    public var goaways: UInt64
    /// GOAWAYs that the guard bounced and the agent tried again later, ever.
    public var refused: UInt64
    /// Connections that did not speak HTTP/2 in the clear, ever.
    public var opaque: UInt64

    public init(
      active: UInt64 = 0, draining: UInt64 = 0, responses: UInt64 = 0, goaways: UInt64 = 0, refused: UInt64 = 0,
      opaque: UInt64 = 0
    ) {
      self.active = active
      self.draining = draining
      self.responses = responses
      self.goaways = goaways
      self.refused = refused
      self.opaque = opaque
    }
  }
}

/// `GET /v1/connections`
public struct ConnectionList: Codable, Sendable, Equatable {
  public var connections: [Connection]

  public init(connections: [Connection]) { self.connections = connections }
}

/// A connection that a pod of this node accepted.
public struct Connection: Codable, Sendable, Equatable {
  /// The socket's cookie (SO_COOKIE).
  public var id: UInt64
  public var namespace: String
  public var name: String
  public var endpoint: String
  public var peer: String
  public var ageSeconds: Double
  /// `h2`, `opaque`, or `unknown` while the server has not said anything.
  public var protocolName: String
  public var responses: UInt64
  /// `open`, `draining` or `undrainable`.
  public var state: String
  /// Why it is draining or cannot be drained; nil (`null`) while it is open.
  public var reason: String?

  public init(
    id: UInt64, namespace: String, name: String, endpoint: String, peer: String, ageSeconds: Double,
    protocolName: String, responses: UInt64, state: String, reason: String?
  ) {
    self.id = id
    self.namespace = namespace
    self.name = name
    self.endpoint = endpoint
    self.peer = peer
    self.ageSeconds = ageSeconds
    self.protocolName = protocolName
    self.responses = responses
    self.state = state
    self.reason = reason
  }
}

/// `POST /v1/drain`: exactly one of the three.
public enum DrainRequest: Sendable, Equatable {
  /// `{"service": "shop/cart"}`
  case service(namespace: String, name: String)
  /// `{"endpoint": "10.244.0.11:50051"}`
  case endpoint(String)
  /// `{"connection": 4711}`
  case connection(UInt64)
}

/// 202: how many connections are now waiting for their GOAWAY because of the request.
public struct DrainReply: Codable, Sendable, Equatable {
  public var queued: Int

  public init(queued: Int) { self.queued = queued }
}

/// Any answer that is not a success: `{"error": "…"}`.
public struct ErrorReply: Codable, Sendable, Equatable {
  public var error: String

  public init(error: String) { self.error = error }
}

/// `GET /v1/status`
public struct Status: Codable, Sendable, Equatable {
  public var version: String
  public var pid: Int32
  public var uptimeSeconds: Double
  /// All of the input has been read and is in force.
  public var ready: Bool
  /// Where the objects come from: a path, or the API server's address.
  public var source: String
  public var node: String?
  public var policy: String
  public var services: Int
  public var endpoints: Int
  public var connections: Int
  public var drain: Drain
  public var maps: [MapUsage]
  /// How calls of `connect()` to Service addresses, and of `accept()`, have ended since the BPF maps exist.
  public var outcomes: [Outcome]
  /// What is wrong and does not stop the agent: bad annotations, a broken file, a full map.
  public var warnings: [String]

  public init(
    version: String, pid: Int32, uptimeSeconds: Double, ready: Bool, source: String, node: String?, policy: String,
    services: Int, endpoints: Int, connections: Int, drain: Drain, maps: [MapUsage], outcomes: [Outcome],
    warnings: [String]
  ) {
    self.version = version
    self.pid = pid
    self.uptimeSeconds = uptimeSeconds
    self.ready = ready
    self.source = source
    self.node = node
    self.policy = policy
    self.services = services
    self.endpoints = endpoints
    self.connections = connections
    self.drain = drain
    self.maps = maps
    self.outcomes = outcomes
    self.warnings = warnings
  }

  public struct Drain: Codable, Sendable, Equatable {
    public var enabled: Bool
    /// Why draining is off although it was asked for; nil (`null`) while it is on.
    public var reason: String?
    public var intervalSeconds: Double
    public var jitterPercent: Double
    public var pacePercent: Double
    public var rebalanceWindowSeconds: Double
    public var graceSeconds: Double
    /// Connections that are waiting for their GOAWAY.
    public var queued: Int
    public var goaways: UInt64
    public var refused: UInt64
    /// Attempts that came to no frame, as the server wrote without a pause, since the agent started. Tried again.
    public var busy: UInt64
    /// Connections that were closed because they outlived their GOAWAY by the grace, since the agent started.
    public var closed: UInt64
    /// GOAWAYs that left without the guard having looked at them: must stay 0.
    public var unguarded: UInt64

    public init(
      enabled: Bool, reason: String?, intervalSeconds: Double, jitterPercent: Double, pacePercent: Double,
      rebalanceWindowSeconds: Double, graceSeconds: Double, queued: Int, goaways: UInt64, refused: UInt64,
      busy: UInt64, closed: UInt64, unguarded: UInt64
    ) {
      self.enabled = enabled
      self.reason = reason
      self.intervalSeconds = intervalSeconds
      self.jitterPercent = jitterPercent
      self.pacePercent = pacePercent
      self.rebalanceWindowSeconds = rebalanceWindowSeconds
      self.graceSeconds = graceSeconds
      self.queued = queued
      self.goaways = goaways
      self.refused = refused
      self.busy = busy
      self.closed = closed
      self.unguarded = unguarded
    }
  }

  public struct MapUsage: Codable, Sendable, Equatable {
    public var name: String
    public var entries: Int
    public var maxEntries: Int

    public init(name: String, entries: Int, maxEntries: Int) {
      (self.name, self.entries, self.maxEntries) = (name, entries, maxEntries)
    }
  }

  public struct Outcome: Codable, Sendable, Equatable {
    /// `spread`; `no_endpoints`: refused, as no endpoint was ready; `table_missed`, `table_broken`: left to others, as
    /// the Service's table could not be read; `not_counted`, `not_tracked`: went well, but there was no memory to
    /// remember it with the client's socket, or with the server's, so that it is not drained.
    public var name: String
    public var count: UInt64

    public init(name: String, count: UInt64) {
      (self.name, self.count) = (name, count)
    }
  }
}
