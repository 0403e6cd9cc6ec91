import FoundationEssentials
import Subprocess
import SystemPackage

/// A program that gives credentials (https://kubernetes.io/docs/reference/access-authn-authz/authentication/, client-go
/// credential plugins), as a user of a kubeconfig names it.
struct ExecPlugin: Sendable {
  /// `client.authentication.k8s.io/v1` or `…/v1beta1`
  var apiVersion: String
  /// A name to be found in PATH, or a path.
  var command: String
  var arguments: [String] = []
  var environment: [(name: String, value: String)] = []
  /// What the kubeconfig says to somebody who lacks the command.
  var installHint: String?
  /// The cluster, for plugins that want to know it.
  var cluster: Cluster?
  /// `user "dev" of kubeconfig /root/.kube/config`
  var owner: String

  /// What a plugin is told of the cluster: `spec.cluster` of an ExecCredential.
  struct Cluster: Sendable {
    var server: String
    var tlsServerName: String?
    var insecure: Bool?
    var authority: Material?
    var proxyURL: String?
    /// The cluster's extension `client.authentication.k8s.io/exec`.
    var config: JSONValue?
  }

  /// How much a plugin may print.
  private static let outputLimit = 1 << 20

  /// Runs the plugin, without a terminal.
  ///
  /// - Parameter limit: After which time it is killed, with all that it has started.
  /// - Throws: `APIServerError` of kind `credentials`.
  func run(limit: Duration, now: @Sendable () -> Date) async throws(APIServerError) -> ExecCredential {
    let (status, output, errors) = try await execute(limit: limit, information: try information())
    guard status.isSuccess else {
      let said = errors.split(whereSeparator: \.isNewline).suffix(5).joined(separator: " / ")
      throw failure("ends with \(status)" + (said.isEmpty ? " and says nothing" : ": \(said)"))
    }
    do {
      return try ExecCredential(output, apiVersion: apiVersion, owner: owner, now: now())
    } catch {
      throw failure(error.text)
    }
  }

  private typealias Ending = (status: TerminationStatus, output: String, errors: String)

  private func execute(limit: Duration, information: String) async throws(APIServerError) -> Ending {
    do {
      let ending = try await withThrowingTaskGroup(of: Ending?.self) { group in
        group.addTask { try await spawn(information) }
        group.addTask {
          try await Task.sleep(for: limit)
          return nil
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
      }
      guard let ending else { throw failure("has not ended within \(limit)") }
      return ending
    } catch let error as APIServerError {
      throw error
    } catch let error as SubprocessError where error.code == .executableNotFound {
      throw failure("there is no such command", advice: installHint ?? "install it, or name its path")
    } catch let error as SubprocessError where error.code == .outputLimitExceeded {
      throw failure("prints more than \(Self.outputLimit) bytes")
    } catch {
      throw failure("it cannot be run: \(error)")
    }
  }

  private func spawn(_ information: String) async throws -> Ending {
    var options = PlatformOptions()
    // In a group of its own, so that what it has started ends with it.
    options.processGroupID = 0
    options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
    var variables: [Environment.Key: String?] = ["KUBERNETES_EXEC_INFO": information]
    for (name, value) in environment { variables[Environment.Key(stringLiteral: name)] = value }
    let result = try await Subprocess.run(
      command.contains("/") ? .path(FilePath(command)) : .name(command), arguments: Arguments(arguments),
      environment: .inherit.updating(variables), platformOptions: options, input: .none,
      output: .string(limit: Self.outputLimit), error: .string(limit: Self.outputLimit))
    return (result.terminationStatus, result.standardOutput, result.standardError)
  }

  private func failure(_ reason: String, advice: String? = nil) -> APIServerError {
    APIServerError(.credentials, "use \(owner)", "exec command \(command): \(reason)", advice: advice)
  }

  /// The variable KUBERNETES_EXEC_INFO: an ExecCredential with nothing but `spec`.
  private func information() throws(APIServerError) -> String {
    var specification: [String: JSONValue] = ["interactive": .bool(false)]
    if let cluster { specification["cluster"] = .object(try cluster.fields()) }
    let credential = JSONValue.object([
      "apiVersion": .string(apiVersion), "kind": .string("ExecCredential"), "spec": .object(specification),
    ])
    return credential.text
  }
}

extension ExecPlugin.Cluster {
  fileprivate func fields() throws(APIServerError) -> [String: JSONValue] {
    var fields: [String: JSONValue] = ["server": .string(server)]
    fields["tls-server-name"] = tlsServerName.map { .string($0) }
    fields["insecure-skip-tls-verify"] = insecure.map { .bool($0) }
    fields["proxy-url"] = proxyURL.map { .string($0) }
    fields["config"] = config
    if let authority {
      fields["certificate-authority-data"] = .string(Data(try authority.read()).base64EncodedString())
    }
    return fields
  }
}
