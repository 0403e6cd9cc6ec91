public import NIOSSL

extension MockAPIServer {
  public struct Options: Sendable {
    public var host: String
    /// 0: any that is free.
    public var port: Int
    /// With a certificate and its key, and with what is to become of clients' certificates; nil: plain HTTP.
    public var tls: TLSConfiguration?
    /// The bearer tokens of which each request must have one; nil: none is asked for.
    public var tokens: Set<String>?
    public var watchList: WatchListSupport

    public init(
      host: String = "127.0.0.1", port: Int = 0, tls: TLSConfiguration? = nil, tokens: Set<String>? = nil,
      watchList: WatchListSupport = .supported
    ) {
      (self.host, self.port, self.tls, self.tokens, self.watchList) = (host, port, tls, tokens, watchList)
    }
  }

  /// What becomes of a watch with `sendInitialEvents` (KEP-3157).
  public enum WatchListSupport: Sendable, CaseIterable {
    case supported
    /// Kubernetes 1.27 and later without the feature gate: 422.
    case gateOff
    /// Kubernetes 1.26 and earlier know the parameter `resourceVersionMatch`, but not for watches: 422.
    case unknown
    /// An etcd before 3.4.25: 200, and in the stream an ERROR (Cacher.Watch in apiserver/pkg/storage/cacher).
    case oldStorage
  }
}
