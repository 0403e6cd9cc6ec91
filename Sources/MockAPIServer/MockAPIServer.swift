/// An API server of objects in memory: it lists them and lets them be watched, as kube-apiserver does.
public struct MockAPIServer: Sendable {}
