import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

extension NIOBSDSocket.Option {
  static let keepAliveIdle = Self(rawValue: TCP_KEEPIDLE)
  static let keepAliveInterval = Self(rawValue: TCP_KEEPINTVL)
  static let keepAliveCount = Self(rawValue: TCP_KEEPCNT)
}
