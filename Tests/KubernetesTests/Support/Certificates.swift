import Foundation
import Subprocess
import SystemPackage

/// Certificates and keys in PEM, made by openssl once for all tests.
struct Certificates: Sendable {
  struct Pair: Sendable {
    var certificate: String
    var key: String
  }

  /// Two authorities that know nothing of each other.
  let authority, otherAuthority: String
  /// An authority below the first one, and a server's certificate by it.
  let intermediate: String
  let serverBelow: Pair
  /// For the name `kubernetes` and the address 127.0.0.1, by the one and by the other.
  let server, otherServer: Pair
  /// For the name `elsewhere.example` and the address 192.0.2.1.
  let serverElsewhere: Pair
  /// Expired since yesterday.
  let expiredServer: Pair
  let client: Pair
  let encryptedKey: String

  static func shared() async throws -> Certificates { try await made.value }

  private static let made = Task { try await Certificates() }

  private init() async throws {
    let folder = try Folder()
    let result = try await Subprocess.run(
      .name("sh"), arguments: ["-euc", Self.script], workingDirectory: folder.path,
      output: .discarded, error: .string(limit: 1 << 16))
    guard result.terminationStatus.isSuccess else { throw Failure(output: result.standardError) }
    func pair(_ name: String) throws -> Pair {
      Pair(certificate: try folder.read("\(name).crt"), key: try folder.read("\(name).key"))
    }
    (authority, otherAuthority) = (try folder.read("ca.crt"), try folder.read("ca2.crt"))
    (server, otherServer) = (try pair("server"), try pair("server2"))
    (serverElsewhere, expiredServer) = (try pair("elsewhere"), try pair("expired"))
    (intermediate, serverBelow) = (try folder.read("below.crt"), try pair("server3"))
    (client, encryptedKey) = (try pair("client"), try folder.read("encrypted.key"))
  }

  struct Failure: Error {
    let output: String
  }

  private static let script = """
    key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
    for ca in ca ca2; do
      openssl req -x509 $key -nodes -keyout $ca.key -subj "/CN=$ca" -days 2 -out $ca.crt
    done
    issue() { # name, authority, days, extension
      openssl req -new $key -nodes -keyout $1.key -subj "/CN=$1" -addext "$4" -out $1.csr
      openssl x509 -req -in $1.csr -CA $2.crt -CAkey $2.key -copy_extensions copy -days $3 -out $1.crt
    }
    issue server ca 2 subjectAltName=DNS:kubernetes,IP:127.0.0.1
    issue server2 ca2 2 subjectAltName=DNS:kubernetes,IP:127.0.0.1
    issue elsewhere ca 2 subjectAltName=DNS:elsewhere.example,IP:192.0.2.1
    issue expired ca -1 subjectAltName=DNS:kubernetes,IP:127.0.0.1
    issue client ca 2 subjectAltName=DNS:client
    issue below ca 2 basicConstraints=critical,CA:TRUE
    issue server3 below 2 subjectAltName=DNS:kubernetes,IP:127.0.0.1
    openssl pkcs8 -topk8 -in client.key -passout pass:secret -out encrypted.key
    """
}
