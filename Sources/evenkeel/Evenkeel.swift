internal import ArgumentParser
internal import CLI

@main
enum Evenkeel {
  static func main() async { await EvenkeelCommand.main() }
}
