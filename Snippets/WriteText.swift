// Text from a model folder: the loop of castle generate.
import CastleGeneration
import CastleModel
import CastleOperations
import CastleTokenizer
import Foundation

guard CommandLine.arguments.count == 3 else {
  print("usage: WriteText MODEL-FOLDER PROMPT")
  exit(1)
}
let folder = CommandLine.arguments[1]
let tokenizer = try TokenizerFile.read(path: folder)
let model = try LanguageModel(folder: folder, backend: CPUBackend())

let request = TextRequest(
  CommandLine.arguments[2], sampling: try SamplingOptions(temperature: 0.8, topP: 0.95, seed: 1),
  maximumTokens: 100)
let generator = try TextGenerator(request, model: model, tokenizer: tokenizer)
while let piece = try generator.next() {
  print(piece.text, terminator: "")
}
print()
