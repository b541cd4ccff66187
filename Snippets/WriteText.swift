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

let request = try GenerationRequest(
  prompt: tokenizer.encode(CommandLine.arguments[2]),
  sampling: SamplingOptions(temperature: 0.8, topP: 0.95, seed: 1),
  maximumTokens: 100, endTokens: Set(model.configuration.endOfTextIDs.map(Int32.init)))
let generator = try Generator(request, model: model)

var text = TextStream()
while let token = try generator.next() {
  print(text.append(tokenizer.bytes(of: token)), terminator: "")
}
print(text.finish())
