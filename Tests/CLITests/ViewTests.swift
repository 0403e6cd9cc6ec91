import StatsAPI
import Testing

@testable import CLI

@Suite("The tables")
struct ViewTests {
  @Test("Services, and their endpoints below them")
  func services() {
    #expect(
      servicesText(.sample, color: false) == """
        SERVICE / ENDPOINT                     STATE                       OUT  IN  DRAINING  RESPONSES  SHARE           IMBALANCE
        shop/cart:80 (grpc)                    balance, least-connections    7   4         1       1000                       1.50
          10.244.0.9:50051                     ready                         2   3         1        750  ███████▌   75%
          [fd00:10:244::1234:5678:9abc]:50051  serving                       1   1         0        250  ██▌        25%
          10.244.1.7:50051                     ready                         4   –         –          –
        shop/db:5432                           spread, headless              0   0         0          0                          –

        """)
    #expect(servicesText([], color: false) == "No Services.\n")
  }

  @Test("Connections by Service, endpoint and age")
  func connections() {
    #expect(
      connectionsText(.sample, color: false) == """
        ID  SERVICE    ENDPOINT           PEER                 AGE  PROTOCOL  RESPONSES  STATE        REASON
         2  shop/cart  10.244.0.9:50051   10.244.0.21:40312  1h30m  h2              881  open
         1  shop/cart  10.244.0.9:50051   10.244.0.21:40312    12s  h2              881  draining     max_age
         4  shop/cart  10.244.0.10:50051  10.244.0.21:40312    12s  h2              881  open
         3  shop/web   10.244.0.10:80     10.244.0.21:40312     5s  h2              881  undrainable  not_http2

        """)
    #expect(connectionsText([], color: false) == "No connections.\n")
  }

  @Test("The status, and every warning in full but for control characters")
  func status() {
    #expect(
      statusText(.sample, color: false) == """
        evenkeel 1.2.3  process 4242, up 1h30m30s, ready
        source          /etc/evenkeel
        node            n1
        policy          least-connections
        services        2, with 1 endpoint
        connections     41
        outcomes        44 spread, 3 no_endpoints
        drain           after 10m ± 10 %, at most 2.5 % a second, to added pods within 10s, closed 30s later
        goaways         1 queued, 120 placed, 3 tried again
        maps            services 4 of 1024
                        endpoints 1024 of 1024
        warning: Service shop/cart: evenkeel.io/mode is \u{FFFD}[31modd

        """)
  }

  @Test("What must not be overlooked in the status is said")
  func troubledStatus() {
    var status = Status.sample
    status.ready = false
    status.drain.reason = "the self-test failed"
    status.drain.unguarded = 2
    status.outcomes[2].count = 1
    let text = statusText(status, color: true)
    #expect(text.contains("not ready"))
    #expect(text.contains("\u{1B}[31moff: the self-test failed\u{1B}[0m"))
    #expect(text.contains("\u{1B}[31m1 queued, 120 placed, 3 tried again, 2 UNGUARDED\u{1B}[0m"))
    #expect(text.contains("\u{1B}[31m44 spread, 3 no_endpoints, 1 not_tracked\u{1B}[0m"))
    #expect(text.contains("\u{1B}[31mendpoints 1024 of 1024\u{1B}[0m"))
    #expect(text.contains("\u{1B}[33mwarning:\u{1B}[0m"))
  }

  @Test("Draining by age may be off, and so may all of it; nothing may have happened yet")
  func drainSettings() {
    var status = Status.sample
    (status.drain.intervalSeconds, status.drain.graceSeconds) = (0, 0)
    (status.drain.rebalanceWindowSeconds, status.drain.closed) = (0, 7)
    #expect(statusText(status, color: false).contains("3 tried again, 7 closed after their grace\n"))
    #expect(statusText(status, color: false).contains("drain           by age: never, at most 2.5 % a second\n"))
    status.outcomes = []
    #expect(statusText(status, color: false).contains("outcomes        none\n"))
    status.drain.enabled = false
    #expect(statusText(status, color: false).contains("drain           off\n"))
  }

  @Test("The imbalance is coloured by how bad it is", arguments: [(1.2, 32), (1.21, 33), (2, 33), (2.01, 31)])
  func imbalance(value: Double, color: Int) {
    var services = [StatsAPI.Service].sample
    services[0].imbalance = value
    #expect(servicesText(services, color: true).contains("\u{1B}[\(color)m\(hundredths(value))\u{1B}[0m"))
  }

  @Test("Colour changes nothing but the colour")
  func colorless() {
    for (plain, colored) in [
      (servicesText(.sample, color: false), servicesText(.sample, color: true)),
      (connectionsText(.sample, color: false), connectionsText(.sample, color: true)),
      (statusText(.sample, color: false), statusText(.sample, color: true)),
    ] {
      #expect(colored != plain)
      #expect(colored.replacing(/\u{1B}\[[0-9]+m/, with: "") == plain)
    }
  }

  @Test("Lines are cut to a width, in colour too", arguments: 0...120)
  func cut(width: Int) {
    let table = servicesTable(.sample)
    let lines = table.lines(color: false, width: width)
    #expect(zip(lines, table.lines(color: false)).allSatisfy { $1.hasPrefix($0) })
    #expect(lines.map(\.count).max() ?? 0 <= width)
    #expect(lines == table.lines(color: true, width: width).map { $0.replacing(/\u{1B}\[[0-9]+m/, with: "") })
  }

  @Test("The live view keeps to its window, however small", arguments: 0...10)
  func window(height: Int) {
    var view = TopView()
    view.update(.success(.sample), at: .now)
    let lines = view.lines(width: 12, height: height, color: false)
    #expect(lines.count == min(height, 8))
    #expect(lines.allSatisfy { $0.count <= 12 })
    #expect(lines.contains { $0.hasPrefix("…") } == (3..<8).contains(height))
  }

  @Test("Rates are per second; what is new, or counts anew, has none yet")
  func rates() throws {
    let before = [StatsAPI.Service].sample
    var after = before
    after[0].endpoints[0].incoming.responses += 250
    after[0].endpoints[1].incoming.responses -= 1
    after[1].endpoints = [before[0].endpoints[0]]
    let rates = Rates(since: before, elapsed: .seconds(2))
    #expect(after[0].endpoints.map { rates.rate(of: $0, in: after[0]) } == [125, 0, 0])
    #expect(after[1].endpoints.map { rates.rate(of: $0, in: after[1]) } == [0])
  }

  @Test("A share is a bar of eighths of ten blocks, and a percentage")
  func bars() {
    #expect(shareBar(0) == "           0%")
    #expect(shareBar(0.0125) == "▏          1%")
    #expect(shareBar(1 / 3) == "███▍       33%")
    #expect(shareBar(1) == "██████████ 100%")
  }

  @Test(
    "Ages are whole seconds, whatever the agent says",
    arguments: [(0.9, "0s"), (59.9, "59s"), (5400, "1h30m"), (-1, "?"), (.nan, "?"), (.infinity, "?")])
  func ages(seconds: Double, text: String) {
    #expect(age(seconds) == text)
  }
}
