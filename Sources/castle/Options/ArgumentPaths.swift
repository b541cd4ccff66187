import CastleFormats
import Foundation

/// The paths among the arguments of the process.
enum ArgumentPaths {
  /// The paths as the system gave them: in `paths`, U+FFFD stands for bytes that are not UTF-8.
  ///
  /// The arguments are looked through in their order, so that paths which only differ in such bytes are told
  /// apart.
  static func resolved(_ paths: [String]) -> [String] {
    guard paths.contains(where: { $0.unicodeScalars.contains("\u{FFFD}") }) else { return paths }
    var arguments = (0..<Int(CommandLine.argc)).compactMap { CommandLine.unsafeArgv[$0] }
      .map { [UInt8](UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    return paths.map { path in
      for (index, argument) in arguments.enumerated() {
        // The path is an argument of its own, or comes after the name of an option and an equals sign.
        let value =
          argument.starts(with: "--".utf8)
          ? argument.drop { $0 != UInt8(ascii: "=") }.dropFirst() : argument[...]
        for candidate in [argument[...], value] where String(decoding: candidate, as: UTF8.self) == path {
          arguments.remove(at: index)
          return FilePath.text(Array(candidate))
        }
      }
      return path
    }
  }
}
