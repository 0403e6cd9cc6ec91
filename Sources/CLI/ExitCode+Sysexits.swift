public import ArgumentParser

/// The exit codes of sysexits.h that are used here.
extension ExitCode {
  /// EX_USAGE: the command line is wrong.
  public static let usage = ExitCode(64)
  /// EX_DATAERR: what was given names nothing, or is broken.
  public static let badData = ExitCode(65)
  /// EX_UNAVAILABLE: what is needed is not here.
  public static let unavailable = ExitCode(69)
  /// EX_NOPERM: this user may not.
  public static let notPermitted = ExitCode(77)
  /// EX_CONFIG: the configuration is wrong.
  public static let configuration = ExitCode(78)
}
