internal import Balancing
internal import Draining

/// What settings may differ in.
public enum Axis: String, Sendable, CaseIterable {
  case policy
  case candidates
  case interval
  case jitter
  case pace
  case rebalance

  /// Settings that differ from `base` in this alone, and `base` itself.
  public func comparison(around base: Setting) -> Comparison {
    let drain = base.drain ?? DrainSettings()
    switch self {
    case .policy:
      let policies = Policy.allCases.map { policy in
        base.changed(policy.rawValue) { $0.policy = policy }
      }
      return Comparison(
        "policy", [Setting("no agent: random, no GOAWAY", policy: .random, drain: nil)] + policies)
    case .candidates:
      return Comparison(
        "candidates of least-connections",
        values([1, 2, 4, 8, 16], base.candidates).map { count in base.changed("\(count)") { $0.candidates = count } })
    case .interval:
      return Comparison(
        "--drain-interval",
        values([.zero, .seconds(120), .seconds(300), .seconds(600), .seconds(1200)], drain.interval).map { interval in
          base.draining(interval == .zero ? "0s: never for their age" : interval.goText) { $0.interval = interval }
        })
    case .jitter:
      return Comparison(
        "--drain-jitter",
        values([0, 10, 25, 50, 100], drain.jitterPercent).map { percent in
          base.draining(percent.short) { $0.jitterPercent = percent }
        })
    case .pace:
      return Comparison(
        "--drain-pace",
        values([1, 2, 5, 10, 25, 100], drain.pacePercent).map { percent in
          base.draining(percent.short) { $0.pacePercent = percent }
        })
    case .rebalance:
      return Comparison(
        "--rebalance-window",
        values([.zero, .seconds(1), .seconds(10), .seconds(30), .seconds(60)], drain.rebalanceWindow).map { window in
          base.draining(window == .zero ? "0s: not for added pods" : window.goText) { $0.rebalanceWindow = window }
        })
    }
  }

  private func values<Value: Hashable & Comparable>(_ usual: [Value], _ own: Value) -> [Value] {
    Set(usual + [own]).sorted()
  }
}

extension Setting {
  fileprivate func changed(_ name: String, _ change: (inout Setting) -> Void) -> Setting {
    var setting = self
    setting.name = name
    change(&setting)
    return setting
  }

  fileprivate func draining(_ name: String, _ change: (inout DrainSettings) -> Void) -> Setting {
    changed(name) { setting in
      var drain = setting.drain ?? DrainSettings()
      change(&drain)
      setting.drain = drain
    }
  }
}
