import ArgumentParser
import CastleFormats
import CastleModel
import CastleOperations

/// `castle quantize`: a model folder whose weights take less memory.
struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Write a model folder whose weights take less memory and are used where they lie.",
    discussion: """
      bf16 halves the matrices; the folder is an ordinary one, which other programs read and castle train \
      can begin with. int8 and int4 have a scale for each output and 32 inputs, 8.5 and 4.5 bits a weight \
      together; the embedding and the norms stay as they are. Such a folder is for castle alone, and for \
      inference alone. The tokenizer is copied.

      --weights of castle generate, evaluate and serve gives the same model without a folder, converting it \
      each time.

      EXAMPLES
        castle quantize --model runs/first/model --weights int8 --output first-int8
        castle generate --model first-int8 --prompt "To be"
      """)

  @Option(help: ArgumentHelp("The model folder to read.", valueName: "folder"))
  var model: String

  @Option(help: "The precision: bf16, int8, int4.")
  var weights: WeightFormat

  @Option(help: ArgumentHelp("The model folder to write.", valueName: "folder"))
  var output: String

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    guard weights != .float32 else {
      throw ValidationError("--weights float32 takes no less memory; choose bf16, int8 or int4")
    }
  }

  func run() throws {
    let summary = try QuantizedFolder.write(
      model, as: weights, to: output, backend: backendOptions.makeBackend())
    guard !json else {
      let members: JSONValue.Members = [
        "output": .string(output), "format": .string(weights.rawValue), "bytes": .integer(summary.byteCount),
        "original_bytes": .integer(summary.originalByteCount),
        "relative_error": .number(summary.relativeError),
      ]
      return print(members.text)
    }
    print(
      "\(output): \(weights.rawValue), \(NumberFormat.bytes(summary.byteCount)) of"
        + " \(NumberFormat.bytes(summary.originalByteCount)); the converted weights are off by"
        + " \(NumberFormat.fixed(summary.relativeError * 100, 2)) %")
  }
}
