@testable import Lab

/// Pods as they would be, without the kernel's part of them.
func pods(_ count: Int) -> [Pod] {
  (0..<count).map { index in
    let name = "web-\(index + 1)"
    return Pod(
      name: name, node: "node-1", addresses: AddressPlan.pod(node: 1, host: 11 + index),
      namespace: NetworkNamespace(name: "ek-t-\(name)"), cgroup: Cgroup(path: "/nowhere/\(name)"), host: 11 + index,
      nodeNumber: 1)
  }
}

func service(_ pods: [Pod], isHeadless: Bool = false) -> Service {
  Service(
    namespace: "shop", name: "web", addresses: AddressPlan.service(host: 10), isHeadless: isHeadless,
    ports: [.init(port: 80, targetPort: 50051)], endpoints: pods.map { .init($0) })
}
