import ArgumentParser
import GRPCNIOTransportHTTP2Posix

/// An address and port in the forms 10.0.0.1:80 and [fd00::1]:80.
enum HostPort: ExpressibleByArgument, Sendable {
  case ipv4(String, port: Int)
  case ipv6(String, port: Int)

  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":"), let port = UInt16(argument[argument.index(after: colon)...]) else {
      return nil
    }
    let host = argument[..<colon]
    if host.first == "[", host.last == "]" {
      self = .ipv6(String(host.dropFirst().dropLast()), port: Int(port))
    } else if !host.isEmpty, !host.contains(":") {
      self = .ipv4(String(host), port: Int(port))
    } else {
      return nil
    }
  }

  var host: String {
    switch self {
    case .ipv4(let address, _), .ipv6(let address, _): address
    }
  }

  var port: Int {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port): port
    }
  }

  /// To connect to.
  var target: any ResolvableTarget {
    switch self {
    case .ipv4(let address, let port): .ipv4(address: address, port: port)
    case .ipv6(let address, let port): .ipv6(address: address, port: port)
    }
  }

  /// To listen on.
  var socketAddress: SocketAddress {
    switch self {
    case .ipv4(let address, let port): .ipv4(host: address, port: port)
    case .ipv6(let address, let port): .ipv6(host: address, port: port)
    }
  }
}
