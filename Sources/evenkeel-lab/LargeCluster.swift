/// The Services of a large cluster, each with one EndpointSlice, as an API server writes them: most of it is of no
/// interest to us.
struct LargeCluster {
  let services: Int
  let endpointsPerService: Int

  /// What client-go asks for at a time.
  static let pageSize = 500

  /// The indices of each page's Services.
  var pages: [Range<Int>] {
    stride(from: 0, to: services, by: Self.pageSize).map { $0..<min($0 + Self.pageSize, services) }
  }

  func serviceList(_ page: Range<Int>) -> [UInt8] { list("Service", "v1", page.map(service)) }

  func endpointSliceList(_ page: Range<Int>) -> [UInt8] {
    list("EndpointSlice", "discovery.k8s.io/v1", page.map { endpointSlice($0) })
  }

  /// A Service and its slice.
  func objects(_ service: Int) -> [String] {
    [object("Service", "v1", self.service(service)), changedSlice(service, generation: 0)]
  }

  /// A Service's slice, after its first pod has been replaced so often.
  func changedSlice(_ service: Int, generation: Int) -> String {
    object("EndpointSlice", "discovery.k8s.io/v1", endpointSlice(service, generation: generation))
  }

  /// The address of a Service, which has port 80.
  func address(_ service: Int) -> String { "10.\(96 + service >> 16).\(service >> 8 & 255).\(service & 255)" }

  private func object(_ kind: String, _ version: String, _ item: String) -> String {
    #"{"kind":"\#(kind)","apiVersion":"\#(version)",\#(item.dropFirst())"#
  }

  private func list(_ kind: String, _ version: String, _ items: [String]) -> [UInt8] {
    let metadata = #"{"resourceVersion":"2000000","continue":"eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"}"#
    let items = items.joined(separator: ",")
    return Array(
      #"{"kind":"\#(kind)List","apiVersion":"\#(version)","metadata":\#(metadata),"items":[\#(items)]}"#.utf8)
  }

  private func service(_ number: Int) -> String {
    let (name, ip) = (name(number), address(number))
    let annotations = #"{"meta.helm.sh/release-name":"\#(name)","notes":"{\"spec\":{\"type\":\"ClusterIP\"}}\n"}"#
    let port = #"{"name":"grpc","protocol":"TCP","port":80,"targetPort":"grpc","appProtocol":"kubernetes.io/h2c"}"#
    return #"""
      {"metadata":{\#(metadata(number, name: name, label: "app.kubernetes.io/name")),"annotations":\#(annotations),\#
      \#(managedFields(number))},"spec":{"ports":[\#(port)],"selector":{"app":"\#(name)"},"clusterIP":"\#(ip)",\#
      "clusterIPs":["\#(ip)"],"type":"ClusterIP","sessionAffinity":"None","ipFamilies":["IPv4"],\#
      "ipFamilyPolicy":"SingleStack","internalTrafficPolicy":"Cluster"},"status":{"loadBalancer":{}}}
      """#
  }

  private func endpointSlice(_ number: Int, generation: Int = 0) -> String {
    let label = "kubernetes.io/service-name"
    let endpoints = (0..<endpointsPerService).map { position in
      // Numbers that no other pod has.
      let number = number * endpointsPerService + position + (position == 0 ? generation << 18 : 0)
      return endpoint(number, of: number)
    }
    return #"""
      {"metadata":{\#(metadata(number, name: "\(name(number))-x7k2p", label: label)),\#(managedFields(number))},\#
      "addressType":"IPv4","endpoints":[\#(endpoints.joined(separator: ","))],\#
      "ports":[{"name":"grpc","port":50051,"protocol":"TCP","appProtocol":"kubernetes.io/h2c"}]}
      """#
  }

  private func endpoint(_ number: Int, of service: Int) -> String {
    let node = "ip-10-0-\(number % 1000 >> 8)-\(number % 256).eu-central-1.compute.internal"
    return #"""
      {"addresses":["10.\#(128 + number >> 16).\#(number >> 8 & 255).\#(number & 255)"],\#
      "conditions":{"ready":true,"serving":true,"terminating":false},"targetRef":{"kind":"Pod",\#
      "namespace":"\#(namespace(service))","name":"\#(name(service))-7c9f6d5b8c-\#(number)",\#
      "uid":"\#(uid(number))"},"nodeName":"\#(node)","zone":"eu-central-1\#(["a", "b", "c"][number % 3])"}
      """#
  }

  private func metadata(_ number: Int, name: String, label: String) -> String {
    #"""
    "name":"\#(name)","namespace":"\#(namespace(number))","uid":"\#(uid(number))",\#
    "resourceVersion":"\#(1_000_000 + number)","generation":3,"creationTimestamp":"2026-01-01T00:00:00Z",\#
    "labels":{"app":"\#(self.name(number))","\#(label)":"\#(self.name(number))"}
    """#
  }

  /// Who has set which field: about 1 kB.
  private func managedFields(_ number: Int) -> String {
    let entry = #"""
      {"manager":"kube-controller-manager","operation":"Update","apiVersion":"discovery.k8s.io/v1",\#
      "time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:addressType":{},"f:endpoints":{},\#
      "f:metadata":{"f:annotations":{".":{},"f:endpoints.kubernetes.io/last-change-trigger-time":{}},\#
      "f:generateName":{},"f:labels":{".":{},"f:app":{},"f:kubernetes.io/service-name":{}},\#
      "f:ownerReferences":{".":{},"k:{\"uid\":\"\#(uid(number))\"}":{}}},"f:ports":{}}}
      """#
    return #""managedFields":[\#(entry),\#(entry)]"#
  }

  private func name(_ number: Int) -> String { "service-\(number)" }

  private func namespace(_ number: Int) -> String { "team-\(number % 100)" }

  private func uid(_ number: Int) -> String { "\(10_000_000 + number)-1111-2222-3333-444444444444" }
}
