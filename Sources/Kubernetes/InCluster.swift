import SystemPackage

extension APIServerSettings {
  /// Where the kubelet puts what a pod needs to speak to the API server.
  static let serviceAccount: FilePath = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// What a pod is given: the server by environment variables, and the token and the authority of its service account in
  /// files, which are rotated.
  ///
  /// The variables and not the name `kubernetes.default.svc`: a pod in the host's network has the node's name servers.
  ///
  /// - Throws: `APIServerError` of kind `configuration`.
  init(inClusterOf environment: [String: String], serviceAccount folder: FilePath = serviceAccount)
    throws(APIServerError)
  {
    let (hostName, portName) = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
    let (host, port) = (environment[hostName] ?? "", environment[portName] ?? "")
    func wrong(_ reason: String, advice: String? = nil) -> APIServerError {
      APIServerError(.configuration, "use the API server of this pod's cluster", reason, advice: advice)
    }
    let elsewhere = "outside of a cluster, give --kubeconfig or --manifests"
    if host.isEmpty && port.isEmpty {
      throw wrong("this is no pod: neither \(hostName) nor \(portName) is set", advice: elsewhere)
    }
    for (name, value) in [(hostName, host), (portName, port)] where value.isEmpty {
      throw wrong("\(name) is not set, and the other one of the two is", advice: elsewhere)
    }
    guard let number = UInt16(port), number > 0 else {
      throw wrong("\(portName): expected a port from 1 to 65535, found \"\(port)\"")
    }
    server = ServerAddress(usesTLS: true, host: withoutBrackets(host), port: Int(number))
    source = "in-cluster \(server)"
    let owner = "this pod's service account"
    trust = .authority(
      Material(
        place: .file(folder.appending("ca.crt")), field: "the authority", owner: owner,
        advice: "the kubelet puts it beside the token, from the ConfigMap kube-root-ca.crt"))
    identity.token = Material(
      place: .file(folder.appending("token")), field: "the token", owner: owner,
      advice: "is automountServiceAccountToken false, in the pod or its service account?")
  }
}
