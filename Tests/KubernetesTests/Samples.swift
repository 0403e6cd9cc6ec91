import Balancing
import Foundation
import Logging
import Manifests

@testable import Kubernetes

/// The JSON of a Service, whose address is the same for its name in each run.
///
/// - Parameter clusterIP: Empty: the server gives one.
func service(_ name: String, port: Int = 80, labels: [String: String] = [:], clusterIP: String? = nil) -> String {
  let labels = labels.map { #""\#($0.key)":"\#($0.value)""# }.joined(separator: ",")
  let number = name.utf8.reduce(0) { ($0 * 31 + Int($1)) % 65_000 }
  let ip = clusterIP ?? "10.96.\(number / 250).\(number % 250 + 1)"
  return
    #"{"kind":"Service","apiVersion":"v1","metadata":{"name":"\#(name)","namespace":"shop","labels":{\#(labels)}},"#
    + #""spec":{"clusterIP":"\#(ip)","ports":[{"port":\#(port),"protocol":"TCP"}]}}"#
}

/// The JSON of an EndpointSlice of a Service, with pods 10.244.0.x.
func slice(_ name: String, of service: String, pods: [Int], annotation: String = "") -> String {
  let endpoints = pods.map { #"{"addresses":["10.244.0.\#($0)"],"conditions":{"ready":true}}"# }
  return
    #"{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"name":"\#(name)","namespace":"shop","#
    + #""labels":{"kubernetes.io/service-name":"\#(service)"},"annotations":{"note":"\#(annotation)"}},"#
    + #""addressType":"IPv4","endpoints":[\#(endpoints.joined(separator: ","))],"#
    + #""ports":[{"name":"","port":50051,"protocol":"TCP"}]}"#
}

/// The JSON of a Node.
func node(_ name: String, zone: String?) -> String {
  let labels = zone.map { #""topology.kubernetes.io/zone":"\#($0)""# } ?? ""
  return #"{"kind":"Node","apiVersion":"v1","metadata":{"name":"\#(name)","labels":{\#(labels)}}}"#
}

/// A Service whose port is none: no API server has such a one, and what is not understood must do no harm.
func brokenService(_ name: String) -> String {
  service(name).replacingOccurrences(of: #""port":80"#, with: #""port":"http""#)
}

/// An EndpointSlice whose address is none.
func brokenSlice(_ name: String) -> String {
  slice(name, of: "a", pods: [1]).replacingOccurrences(of: "10.244.0.1", with: "here")
}

extension Logger {
  static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}

extension ManifestDecoder {
  /// The one object in a text.
  static func object(_ json: String) throws -> KubernetesObject {
    try ManifestDecoder(unknownFields: .ignored).decode(json, source: "a test")[0]
  }
}
