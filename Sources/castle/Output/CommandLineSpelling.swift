import CastleFormats

/// How the command line spells what errors of the libraries ask for.
enum CommandLineSpelling {
  /// The option that `term` is.
  static func option(_ term: ErrorText.Term) -> String {
    switch term {
    case .key(let key): key
    case .setting(let key, let value): "--set \(key)=\(value)"
    case .givenSetting(let text): "--set \(text)"
    case .resume: "--resume"
    case .replace: "--overwrite"
    case .tokenizer(let path): "--tokenizer \(path)"
    case .format(let name): "--format \(name)"
    case .textKey: "--text-key"
    case .separator(let line): "--separator '\(line)'"
    case .deduplicate: "--deduplicate"
    case .batchSize: "--batch-size"
    case .sequenceLength: "--length"
    case .outputFolder: "--output"
    case .textFolder(let name): "--data \(name)=FOLDER"
    }
  }
}
