import Foundation
import Testing

struct HelpTests {
  /// The names below the headline SUBCOMMANDS of a help page.
  private static func subcommands(_ help: String) -> [String] {
    help.split(separator: "\n", omittingEmptySubsequences: false)
      .drop { $0 != "SUBCOMMANDS:" }.dropFirst().prefix { !$0.isEmpty }
      .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
  }

  @Test func everyCommandShowsAnExample() throws {
    var groups: [[String]] = [[]]
    var commands: [[String]] = []
    while let group = groups.popLast() {
      let help = try CastleProcess.output(group + ["--help"])
      let names = Self.subcommands(help)
      groups += names.map { group + [$0] }
      if names.isEmpty { commands.append(group) }
    }
    #expect(commands.contains(["generate"]))
    for command in commands {
      let help = try CastleProcess.output(command + ["--help"])
      let call = (["castle"] + command).joined(separator: " ")
      let examples = help.components(separatedBy: "EXAMPLE").dropFirst().joined()
      #expect(examples.contains(call), "castle \(command.joined(separator: " ")) shows no example")
      // An example that the terminal's width breaks cannot be copied.
      let lines = examples.components(separatedBy: "\nUSAGE")[0].split(separator: "\n").dropFirst()
      #expect(lines.allSatisfy { $0.hasPrefix("  ") && $0.count <= 80 }, "\(lines)")
    }
  }

  @Test func theVersionIsPrinted() throws {
    #expect(try CastleProcess.output(["--version"]).split(separator: ".").count == 3)
  }

  @Test(arguments: [["--nonsense"], ["nonsense"], ["generate", "--model", "m", "--nonsense"]])
  func unknownArgumentsAreNamed(arguments: [String]) throws {
    try CastleProcess.expectRefusal(arguments, naming: "nonsense")
    #expect(try CastleProcess.run(arguments).exitCode == 64)
  }
}
