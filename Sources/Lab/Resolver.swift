/// How a pod's programs find names: a file that stands in for /etc/resolv.conf.
public struct Resolver: Sendable {
  let file: String

  /// What comes before a command that is to resolve that way: it gets a mount namespace of its own. What the machine
  /// unmounts later, as the namespace of a pod that is removed, is unmounted there as well.
  var entering: [String] {
    [
      "unshare", "--mount", "--propagation", "slave", "--", "sh", "-c",
      "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"", file,
    ]
  }
}

extension Cluster {
  /// Has names resolved as in a pod of a namespace, with the file that the kubelet writes (`dnsPolicy: ClusterFirst`).
  ///
  /// - Parameter server: the pod that runs the name server.
  public nonisolated func resolver(
    asking server: Pod, namespace: String = "default"
  ) throws(LabError) -> Resolver {
    let file = "\(directory)/resolv-\(server.name)-\(namespace).conf"
    let text = """
      search \(namespace).svc.cluster.local svc.cluster.local cluster.local
      nameserver \(server.addresses.ipv4)
      options ndots:5

      """
    try SystemCalls.replace(file, with: text, draft: "\(file).draft")
    return Resolver(file: file)
  }
}
