public import Balancing
internal import Datapath
internal import Draining
internal import Kernel
internal import Logging
public import Manifests
internal import Shim
internal import StatsAPI

/// The agent of one node: it knows what Kubernetes says and what the kernel sees, tells the kernel side whom to choose
/// from, and drains.
///
/// The decisions are made elsewhere: `Balancing` makes the tables, `Draining` says whom to drain and when. Here they meet
/// the kernel.
public actor Agent {
  let configuration: AgentConfiguration
  let input: any AgentInput
  let logger: Logger
  let started = timeSinceBoot()

  var datapath: Datapath
  /// Nil as long as draining is off.
  var placer: Placer?
  var drainState = DrainState.starting
  var scheduler: DrainScheduler
  /// Both nil without `--orphan-timeout`.
  let clients: Clients?
  var orphans: OrphanWatch?

  /// The input in force.
  var cluster = Cluster()
  /// With the zone that the input says it is in.
  var node: Node { Node(name: configuration.node.name, zone: cluster.zone) }
  /// This node's endpoints in it, whose connections are tracked.
  var localEndpoints: LocalEndpoints
  /// How many Service ports are drained, on whatever node.
  private var drainedPorts = 0
  var isReady = false
  private var longestPause = Duration.seconds(1)
  /// What is wrong with the input that came last and is not in force.
  var inputFailure: String?
  /// What the kernel would not take.
  var kernelFailures: [String] = []

  /// The connections that this node's endpoints have accepted, when last looked at.
  var tracked: [AcceptedConnection] = []
  /// When that was, since boot; nil: they are to be looked at before anything is decided.
  private var lastLook: Duration?
  var responses = ResponseWindow()
  var recorded = AgentMetrics()
  private var lastReclaim = timeSinceBoot()

  /// The drain loop's pause, to be ended early by `wake`.
  private var nap: Task<Void, Never>?

  enum DrainState: Sendable {
    /// The self-test is under way.
    case starting
    case on
    /// Draining would not be safe, or not possible, for this reason.
    case off(String)
  }

  /// Loads the kernel side. Programs that a former agent has attached go on as they are until the first input is in
  /// force.
  init(configuration: AgentConfiguration, input: any AgentInput, logger: Logger) throws(DatapathError) {
    let pins = try PinDirectory(bpffs: configuration.bpffs)
    do {
      datapath = try Datapath(pins: pins, limits: configuration.limits, at: timeSinceBoot())
      clients = configuration.orphanTimeout > .zero ? try datapath.makeClients() : nil
    } catch { throw .kernel(error) }
    orphans = configuration.orphanTimeout > .zero ? OrphanWatch(timeout: configuration.orphanTimeout) : nil
    scheduler = DrainScheduler(settings: configuration.drain)
    localEndpoints = LocalEndpoints(defaultInterval: configuration.drain.interval)
    self.configuration = configuration
    self.input = input
    self.logger = logger
  }
}

// MARK: - Input

extension Agent {
  /// Puts new input in force: all of it.
  ///
  /// - Parameter seen: when it was seen to have changed, since boot.
  /// - Throws: where the programs cannot be attached, which nothing works without.
  public func apply(_ new: Cluster, seen: Duration) throws {
    try apply(cluster.update(to: new), seen: seen)
  }

  /// Puts new input in force: what has changed of it. The first update is all of it.
  ///
  /// - Parameter seen: when it was seen to have changed, since boot.
  /// - Throws: where the programs cannot be attached, which nothing works without.
  public func apply(_ update: ClusterUpdate, seen: Duration) throws {
    let now = timeSinceBoot()
    inputFailure = nil
    warn(of: update)
    let (old, new) = replace(update)
    let added = localEndpoints.replace(old.ports, with: new.ports, on: new.node)
    longestPause = DrainPolicy.longestPause(
      with: localEndpoints.policies.values, jitterPercent: configuration.drain.jitterPercent)
    let gone = Set(old.ports.map(\.servicePortName)).subtracting(new.ports.map(\.servicePortName))
    scheduler.endpointsChanged(to: new.ports, gone: gone, on: new.node, at: now)
    orphans?.replace(old.ports, with: new.ports)
    drainedPorts += new.ports.count { $0.mode == .balance } - old.ports.count { $0.mode == .balance }
    report(
      datapath.setLocalEndpoints(localEndpoints.addresses, at: now) + heedGoaways()
        + datapath.tables.change(changes(from: old.tables, to: new.tables), seen: seen, at: now))
    if !isReady { try begin(seen: seen) }
    // Connections of endpoints that were not known until now are older than the agent.
    if !added.isEmpty { try placer?.findOwners() }
    logger.debug("input in force", metadata: ["services": "\(update.services.count)"])
    // Most of a large cluster's changes say nothing of this node's connections.
    let isOurs = (old.ports + new.ports).contains { $0.endpoints.contains(where: new.node.hosts) }
    // Whoever is drained from now on is spread by the new tables.
    if isOurs {
      datapath.tables.settle()
      lastLook = nil
    }
    if isOurs || orphans != nil { wake() }
  }

  /// As long as any Service is drained. Returns what could not be done.
  private func heedGoaways() -> [KernelError] {
    do throws(KernelError) { try datapath.heedGoaways(drainedPorts > 0) } catch { return [error] }
    return []
  }

  /// What an update touches of the input, as it was or as it is.
  private struct Part {
    let node: Node
    let ports: [ServicePort]
    let tables: [SocketAddress: Table]
  }

  private func replace(_ update: ClusterUpdate) -> (old: Part, new: Part) {
    // What endpoints are meant for this node may follow from its zone.
    let services = update.zone == cluster.zone ? update.services.map(\.service) : Array(cluster.serviceNames)
    let old = part(services)
    cluster.apply(update)
    let new = part(Set(services).union(update.services.map(\.service)))
    countLeaving(old.ports, new.ports)
    return (old, new)
  }

  private func part(_ services: some Sequence<ServiceName>) -> Part {
    Part(
      node: node, ports: services.flatMap(cluster.ports),
      tables: cluster.tables(of: services, on: node, defaultPolicy: configuration.policy))
  }

  /// Now that all tables are complete, nobody finds half of them.
  private func begin(seen: Duration) throws {
    datapath.tables.withdrawLeftovers(seen: seen)
    datapath.tables.settle()
    try datapath.activate(on: Cgroup(path: configuration.cgroup))
    isReady = true
    let ports = cluster.servicePorts
    logger.info(
      "spreading connections",
      metadata: [
        "cgroup": "\(configuration.cgroup)", "service_ports": "\(ports.count)",
        "endpoints": "\(ports.reduce(0) { $0 + $1.endpoints.count })",
      ])
  }

  /// Warnings that were there before have been in the log before.
  private func warn(of update: ClusterUpdate) {
    let known = cluster.generalWarnings
    for warning in update.warnings where !known.contains(warning) { logger.warning("\(warning)") }
    for service in update.services {
      let known = cluster.warnings(of: service.service)
      for warning in service.warnings where !known.contains(warning) { logger.warning("\(warning)") }
    }
  }

  /// Says that the last input is no good. What was in force stays in force.
  public func reject(_ failure: ManifestError) {
    inputFailure = "\(failure)"
    logger.error("input not taken, the last good one stays in force: \(failure)")
  }

  /// Takes what has come of changes of the tables.
  func settle() {
    let outcome = datapath.tables.takeOutcome(at: timeSinceBoot())
    for duration in outcome.durations { recorded.programmed(after: duration) }
    if !outcome.failures.isEmpty { report(outcome.failures, besides: kernelFailures) }
  }

  /// Each change tries again what has failed before, so that its failures are all that there are.
  private func report(_ failures: [KernelError], besides others: [String] = []) {
    let texts = failures.map(\.description)
    for text in texts where !kernelFailures.contains(text) { logger.error("\(text)") }
    kernelFailures = others + texts
  }
}

// MARK: - Drain

extension Agent {
  /// Proves that GOAWAYs can be placed here, and only then begins to.
  public func startDraining() async {
    do {
      try await SelfTest.run(below: configuration.cgroup, server: configuration.selfTestServer)
      placer = Placer(try datapath.makeGuard(), now: { timeSinceBoot() })
      look()
      try placer?.findOwners(of: tracked)
      // It has made older ones known.
      lastLook = nil
      drainState = .on
      logger.info("draining is on: the self-test has passed")
    } catch {
      drainState = .off("\(error)")
      logger.error("draining is off, connections are only spread: the self-test failed: \(error)")
    }
    wake()
  }

  /// Drains until the task is cancelled.
  public func drain() async {
    await startDraining()
    while !Task.isCancelled {
      do {
        try tick()
      } catch {
        logger.error("a round of draining was cut short: \(error)")
      }
      await pause()
    }
  }

  /// One round: look if need be, decide, place.
  private func tick() throws {
    let start = timeSinceBoot()
    defer { recorded.ticked(for: timeSinceBoot() - start) }
    closeOrphans()
    guard let seen = sight(at: start) else { return }
    let orders = scheduler.tick(tracked, seen: seen, policies: localEndpoints.policies, at: timeSinceBoot())
    for ended in orders.ended { recorded.drainEnded(after: ended.duration, wasClosed: ended.wasClosed) }
    guard placer != nil else { return }
    let unguarded = placer?.unguarded ?? 0
    try placer?.close(orders.closures)
    for (placement, outcome) in try placer?.place(orders.placements) ?? [] {
      scheduler.report(outcome, of: placement.connection, at: timeSinceBoot())
      if outcome == .busy { recorded.wasBusy() }
      logger.debug(
        "goaway",
        metadata: ["connection": "\(placement.connection)", "reason": "\(placement.reason)", "outcome": "\(outcome)"])
    }
    if let now = placer?.unguarded, now > unguarded {
      logger.error("\(now - unguarded) frames were sent that the guard had not looked at; this must never happen")
    }
  }

  /// When the connections were seen of which `tracked` is good enough for a round at this time. Nil: they are not in sight,
  /// and whatever is not would be taken for gone.
  private func sight(at now: Duration) -> Duration? {
    let isLookDue = scheduler.nextLook.map { $0 <= now } ?? false
    if let lastLook, now < lastLook + longestPause, !isLookDue { return lastLook }
    look()
    return lastLook
  }

  /// Takes a fresh look at the connections and the counters.
  func look() {
    let now = timeSinceBoot()
    lastLook = nil
    settle()
    do {
      try datapath.readConnections(into: &tracked)
      lastLook = now
      let counters = try datapath.incomingCounters()
      responses.add(
        Dictionary(uniqueKeysWithValues: localEndpoints.addresses.map { ($0, counters($0).responses) }), at: now)
      if now - lastReclaim > .seconds(60) {
        try datapath.reclaimCounters(at: now)
        lastReclaim = now
      }
    } catch {
      logger.error("the kernel side does not answer: \(error)")
    }
  }

  /// Until the scheduler has something to do, or `wake` is called, or new connections may have come to be due: they are
  /// not announced.
  private func pause() async {
    let now = timeSinceBoot()
    var end = now + longestPause
    // Otherwise the look has failed, and until it succeeds there is nothing to be done.
    if let lastLook {
      end = lastLook + longestPause
      if let wakeUp = scheduler.nextWakeUp { end = min(end, wakeUp) }
    }
    // A look that is late has failed: it is tried again with the next tick.
    if let look = orphans?.nextLook, look > now { end = min(end, look) }
    let length = max(end - now, .zero)
    let nap = Task { _ = try? await Task.sleep(for: length) }
    self.nap = nap
    await withTaskCancellationHandler {
      await nap.value
    } onCancel: {
      nap.cancel()
    }
  }

  func wake() { nap?.cancel() }
}
