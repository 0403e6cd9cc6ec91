import SystemPackage
import Testing

@testable import Kubernetes

@Suite("In-cluster credentials")
struct InClusterTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  @Test("come from the pod's environment and its service account")
  func pod() async throws {
    let certificates = try await Certificates.shared()
    try folder.write(certificates.authority, to: "ca.crt")
    try folder.write("of the pod's account\n".replacing(" ", with: "-"), to: "token")
    try await withServer(tls: try .server(certificates.server)) { server in
      let settings = try settings(["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "\(server.port)"])
      try await withClient(settings) { client in
        #expect(client.description == "in-cluster https://127.0.0.1:\(server.port)")
        let status = try await client.status()
        #expect(status == 200)
      }
      #expect(server.tokens == ["Bearer of-the-pod's-account"])
    }
  }

  @Test("may have an IPv6 address, with brackets or without", arguments: ["fd00::1", "[fd00::1]"])
  func ipv6(host: String) throws {
    let settings = try settings(["KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"])
    #expect(settings.server.host == "fd00::1")
    #expect(settings.source == "in-cluster https://[fd00::1]:443")
  }

  @Test(
    "are missed by name",
    arguments: [
      (
        "", "",
        "this is no pod: neither KUBERNETES_SERVICE_HOST nor KUBERNETES_SERVICE_PORT is set; "
          + "outside of a cluster, give --kubeconfig or --manifests"
      ),
      (
        "", "443",
        "KUBERNETES_SERVICE_HOST is not set, and the other one of the two is; "
          + "outside of a cluster, give --kubeconfig or --manifests"
      ),
      (
        "10.96.0.1", "",
        "KUBERNETES_SERVICE_PORT is not set, and the other one of the two is; "
          + "outside of a cluster, give --kubeconfig or --manifests"
      ),
      ("10.96.0.1", "https", "KUBERNETES_SERVICE_PORT: expected a port from 1 to 65535, found \"https\""),
      ("10.96.0.1", "0", "KUBERNETES_SERVICE_PORT: expected a port from 1 to 65535, found \"0\""),
    ])
  func missingVariables(host: String, port: String, message: String) throws {
    let error = #expect(throws: APIServerError.self) {
      try settings(["KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port])
    }
    #expect(error?.kind == .configuration)
    #expect(error?.description == "cannot use the API server of this pod's cluster: \(message)")
  }

  @Test("without a token or an authority say where these come from")
  func missingFiles() async throws {
    let certificates = try await Certificates.shared()
    let settings = try settings(["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"])
    func refusal() async -> String? {
      let error = await #expect(throws: APIServerError.self) { try await withClient(settings) { _ in } }
      return error?.description.replacing(folder.path.string, with: "FOLDER")
    }
    let authority = await refusal()
    #expect(
      authority
        == "cannot use this pod's service account: the authority: FOLDER/ca.crt cannot be read: No such file or "
        + "directory; the kubelet puts it beside the token, from the ConfigMap kube-root-ca.crt")
    try folder.write(certificates.authority, to: "ca.crt")
    let token = await refusal()
    #expect(
      token
        == "cannot use this pod's service account: the token: FOLDER/token cannot be read: No such file or directory; "
        + "is automountServiceAccountToken false, in the pod or its service account?")
    try folder.write("\n", to: "token")
    let empty = await refusal()
    #expect(
      empty == "cannot use this pod's service account: the token: FOLDER/token is empty; a bearer token was expected")
  }

  private func settings(_ environment: [String: String]) throws -> APIServerSettings {
    try APIServerSettings(inClusterOf: environment, serviceAccount: folder.path)
  }
}
