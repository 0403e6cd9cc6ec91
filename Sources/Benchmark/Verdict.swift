/// A target, and what came of it.
public struct Verdict: Sendable, Equatable {
  public let title: String
  public let value: Double
  public let unit: String
  public let target: Target
  /// Where the figure is a ratio to the direct way: what that is to itself.
  public let noise: Summary?
  /// Where the figure is the median of many rounds: its standard error.
  public let error: Double?

  public init(
    _ title: String, _ value: Double, _ unit: String, _ target: Target, noise: Summary? = nil, error: Double? = nil
  ) {
    (self.title, self.value, self.unit, self.target) = (title, value, unit, target)
    (self.noise, self.error) = (noise, error)
  }

  public var isMet: Bool { target.isMet(by: value) }
}

extension Report {
  /// Every target with its figure, in the order of the report.
  public var verdicts: [Verdict] {
    var verdicts = contenders.filter(\.isOurs).flatMap { againstDirect($0) + againstOthers($0) }
    verdicts += switched.filter(\.isOurs).flatMap(againstNone)
    verdicts += courses.filter(\.isOurs).flatMap(\.verdicts)
    return verdicts
      + figures.compactMap { figure in
        figure.target.map { Verdict(figure.title, figure.value, figure.unit, $0) }
      }
  }

  private func againstDirect(_ contender: Contender) -> [Verdict] {
    Measure.allCases.compactMap { measure in
      guard let target = measure.target, let ratio = contender.ratio(measure) else { return nil }
      return Verdict(
        "\(contender.name): \(measure.title)", ratio.median, "of direct", target, noise: noise(measure))
    }
  }

  private func againstNone(_ programs: Contender) -> [Verdict] {
    Measure.allCases.compactMap { measure in
      guard let target = measure.target, let ratio = programs.estimate(measure) else { return nil }
      return Verdict(
        "\(programs.name), on and off: \(measure.title)", ratio.median, "of none", target, error: ratio.error)
    }
  }

  /// Small requests against the best of the others; connects against iptables with many Services. By what each is of the
  /// direct way, for they are not measured in the same moments.
  private func againstOthers(_ contender: Contender) -> [Verdict] {
    let others = contenders.filter { !$0.isOurs && $0.id != Self.control && $0.id != Self.limit }
    func verdict(_ measure: Measure, _ rivals: [Contender]) -> Verdict? {
      let ratios = rivals.compactMap { rival in rival.ratio(measure).map { (rival.id, $0.median) } }
      guard let best = ratios.max(by: { $0.1 < $1.1 }), let own = contender.ratio(measure), best.1 > 0 else {
        return nil
      }
      return Verdict(
        "\(contender.name): \(measure.title)", own.median / best.1, "of \(best.0)", .atLeast(1), noise: noise(measure))
    }
    return [verdict(.small, others), verdict(.exchanges, others.filter { $0.id == Self.manyRules })]
      .compactMap(\.self)
  }

  /// The contender that connects have to beat.
  public static let manyRules = "iptables-10000"
}

extension Report.Course {
  /// The phase that the evenness is judged in, once its first part has gone.
  public static let scaleUp = "3 become 6"
  /// Of the clients that are drained every two seconds.
  public static let drainInterval = 2.0

  /// The busiest pod over the mean in the seconds after one drain interval; nil where there was no such phase.
  public var afterScaleUp: Summary? {
    guard let phase = phases.first(where: { $0.title == Self.scaleUp }) else { return nil }
    return busiest(from: phase.start + Self.drainInterval, to: phase.end)
  }

  fileprivate var verdicts: [Verdict] {
    let evenness = afterScaleUp.map {
      [
        Verdict("\(contender): busiest pod over mean, after the scale-up", $0.median, "", .atMost(1.1))
      ]
    }
    return (evenness ?? [])
      + phases.map { Verdict("\(contender): RPCs failed, \($0.title)", Double($0.failed), "", .atMost(0)) }
  }
}
