import Testing

@testable import Lab

@Suite("kube-proxy's rules")
struct KubeProxyTests {
  private func lines(_ service: Service, _ family: Manifest.Family = .ipv4) -> [String] {
    KubeProxy(services: [service], family: family).tables.split(separator: "\n").map(String.init)
  }

  @Test("Each of n endpoints takes one connection in n")
  func shares() throws {
    let chances = lines(service(pods(4))).filter { $0.contains("-A KUBE-SVC-0") && $0.contains("->") }.map { line in
      line.split(separator: " ").drop { $0 != "--probability" }.dropFirst().first.flatMap { Double($0) } ?? 1
    }
    #expect(chances.count == 4)
    var left = 1.0
    for chance in chances {
      #expect(abs(left * chance - 0.25) < 1e-9)
      left *= 1 - chance
    }
    #expect(left == 0)
  }

  @Test("The Service address is replaced by a pod's, of the same family")
  func translation() {
    let service = service(pods(1))
    #expect(lines(service).contains("-A KUBE-SEP-0-0 -p tcp -m tcp -j DNAT --to-destination 10.244.1.11:50051"))
    let ipv6 = lines(service, .ipv6)
    #expect(ipv6.contains("-A KUBE-SEP-0-0 -p tcp -m tcp -j DNAT --to-destination [fd00:10:244:1::11]:50051"))
    #expect(ipv6.contains { $0.contains("-d fd00:10:96::10 -p tcp -m tcp --dport 80 -j KUBE-SVC-0") })
  }

  @Test("A headless Service has no rules")
  func headless() {
    #expect(lines(service(pods(2), isHeadless: true)) == lines(service([], isHeadless: true)))
    #expect(!lines(service(pods(2), isHeadless: true)).contains { $0.contains("shop/web") })
  }

  @Test("Each port has chains of its own")
  func ports() {
    var service = service(pods(2))
    service.ports.append(.init(name: "admin", port: 81, targetPort: 9000))
    let lines = lines(service)
    let chains = lines.filter { $0.hasPrefix(":KUBE-SVC") || $0.hasPrefix(":KUBE-SEP") }
    #expect(chains.count == 6 && Set(chains).count == 6)
    #expect(lines.contains("-A KUBE-SEP-1-1 -p tcp -m tcp -j DNAT --to-destination 10.244.1.12:9000"))
  }

  @Test("Without endpoints a connection is refused, and with them it is not")
  func refusal() {
    #expect(lines(service([])).contains { $0.contains("has no endpoints") && $0.hasSuffix("-j REJECT") })
    #expect(!lines(service([])).contains { $0.contains("DNAT") || $0.contains("KUBE-SVC") })
    #expect(!lines(service(pods(1))).contains { $0.hasSuffix("-j REJECT") })
  }

  @Test("New connections go to ready pods, and only where there are none, to those that terminate and still answer")
  func states() {
    let pods = pods(4)
    var service = service(pods)
    service.mark([pods[1]], .serving)
    service.mark([pods[2]], .terminating)
    service.mark([pods[3]], .unready)
    #expect(service.reachablePods == [pods[0]])
    service.remove([pods[0]])
    #expect(service.reachablePods == [pods[1]])
    service.remove([pods[1]])
    #expect(service.reachablePods == [])
  }
}
