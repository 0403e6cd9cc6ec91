internal import Manifests

/// Objects of one kind, as they are listed and watched.
struct WatchedResource: Sendable, Equatable {
  /// `services`
  let name: String
  /// Empty: the core group.
  let group: String
  let path: String
  let labelSelector: String

  /// The Services that are chosen, but for those that another proxy serves. Headless ones are wanted, other than by kube-proxy:
  /// their connections are drained.
  static func services(_ selector: LabelSelector) -> WatchedResource {
    let own = "!service.kubernetes.io/service-proxy-name"
    return WatchedResource(
      name: "services", group: "", path: "/api/v1/services",
      labelSelector: [own, selector.description].filter { !$0.isEmpty }.joined(separator: ","))
  }

  /// The slices of Services. Kubernetes' controller copies the Service's labels to them; what else a selector of Services
  /// says need not hold for slices that others have made.
  static let endpointSlices = WatchedResource(
    name: "endpointslices", group: "discovery.k8s.io", path: "/apis/discovery.k8s.io/v1/endpointslices",
    labelSelector: "kubernetes.io/service-name,!service.kubernetes.io/service-proxy-name")
}
