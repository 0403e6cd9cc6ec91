internal import ArgumentParser
internal import Balancing
internal import FoundationEssentials
internal import Logging
internal import Manifests

#if canImport(Glibc)
  internal import Glibc
#endif

/// `500ms`, `90s`, `10m`, `1h30m`: as Go and Kubernetes write durations.
struct DurationArgument: ExpressibleByArgument {
  var value: Duration

  init(value: Duration) { self.value = value }

  init?(argument: String) {
    guard let value = Duration(goText: argument) else { return nil }
    self.value = value
  }

  var defaultValueDescription: String { value.goText }
}

struct PolicyArgument: ExpressibleByArgument {
  var value: Policy

  init(value: Policy) { self.value = value }

  init?(argument: String) {
    guard let value = Policy(rawValue: argument) else { return nil }
    self.value = value
  }

  static var allValueStrings: [String] { Policy.allCases.map(\.rawValue) }
  var defaultValueDescription: String { value.rawValue }
}

struct SelectorArgument: ExpressibleByArgument {
  var value: LabelSelector

  init(value: LabelSelector) { self.value = value }

  init?(argument: String) {
    guard let value = try? LabelSelector(argument) else { return nil }
    self.value = value
  }

  var defaultValueDescription: String { "all" }
}

/// `10.0.0.1:9713` or `[fd00::1]:9713`. As the port must be given, the last colon is always what separates it, and the
/// brackets can be left out: a pod spec's `$(HOST_IP):9713` serves nodes of both families.
struct MetricsAddressArgument: ExpressibleByArgument {
  var value: SocketAddress

  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":") else { return nil }
    let (host, port) = (argument[..<colon], argument[argument.index(after: colon)...])
    let isBare = host.contains(":") && host.first != "["
    guard let value = SocketAddress(isBare ? "[\(host)]:\(port)" : argument) else { return nil }
    self.value = value
  }
}

struct LogLevelArgument: ExpressibleByArgument {
  var value: Logger.Level

  init(value: Logger.Level) { self.value = value }

  init?(argument: String) {
    guard let value = Logger.Level(rawValue: argument) else { return nil }
    self.value = value
  }

  static var allValueStrings: [String] { Logger.Level.allCases.map(\.rawValue) }
  var defaultValueDescription: String { value.rawValue }
}

enum LogFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json

  /// Writes to standard error.
  func makeLogger(level: Logger.Level) -> Logger {
    var logger = Logger(label: "evenkeel") { label in
      switch self {
      case .text: StreamLogHandler.standardError(label: label)
      case .json: JSONLogHandler()
      }
    }
    logger.logLevel = level
    return logger
  }
}

/// One JSON object a line: `time` (RFC 3339), `level`, `message`, and the metadata as strings.
struct JSONLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues(\.description)
    fields["time"] = Date.now.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
    fields["level"] = event.level.rawValue
    fields["message"] = event.message.description
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let line = try? encoder.encode(fields) else { return }
    write(String(decoding: line, as: UTF8.self) + "\n", to: STDERR_FILENO)
  }
}
