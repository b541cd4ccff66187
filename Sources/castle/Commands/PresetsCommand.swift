import ArgumentParser
import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations

/// `castle presets`: the models that can be trained by name.
struct PresetsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "presets",
    abstract: "List the models that have a name, with their sizes and parameter counts.",
    discussion: """
      A name is a scale and a mechanism. The scales s, m, l and xl are the published models; 1m to 30m are \
      for training on a CPU. Causal and CASTLE models of one scale have equal parameter counts, or nearly \
      so: a head with lookahead keys has 7 matrices where an ordinary one has 4.

      EXAMPLES
        castle presets
        castle presets --json
        castle train --set model.preset=3m-castle-swl
      """)

  @Flag(help: "Print a JSON list.")
  var json = false

  func run() throws {
    let rows = ModelPreset.all.map(PresetRow.init)
    if json {
      print(try JSONOutput.line(rows))
    } else {
      print(PresetRow.table(rows))
    }
  }
}

/// One line of the list.
private struct PresetRow: Encodable {
  var name: String
  var attention: String
  var parameters: Int
  var layers: Int
  var hiddenSize: Int
  var intermediateSize: Int
  var heads: Int
  var headSize: Int
  var lookaheadWindow: Int?
  var vocabulary: Int
  var maximumLength: Int

  init(_ preset: ModelPreset) {
    let configuration = preset.configuration
    name = preset.name
    attention = configuration.mechanism.name
    parameters = configuration.parameterCount
    layers = configuration.layerCount
    hiddenSize = configuration.hiddenSize
    intermediateSize = configuration.intermediateSize
    heads = configuration.heads.queryHeads
    headSize = configuration.heads.headSize
    if configuration.mechanism.hasLookahead, case .tokens(let window) = configuration.mechanism.window {
      lookaheadWindow = window
    }
    vocabulary = configuration.vocabularySize
    maximumLength = configuration.maximumLength
  }

  private static let titles = [
    "preset", "parameters", "layers", "hidden size", "intermediate size", "heads", "head size", "window",
    "vocabulary",
    "length",
  ]

  private var cells: [String] {
    [
      name, NumberFormat.grouped(parameters), "\(layers)", "\(hiddenSize)", "\(intermediateSize)", "\(heads)",
      "\(headSize)",
      lookaheadWindow.map(String.init) ?? "-", NumberFormat.grouped(vocabulary), "\(maximumLength)",
    ]
  }

  /// The rows under their titles: names to the left, numbers to the right.
  static func table(_ rows: [PresetRow]) -> String {
    let lines = [titles] + rows.map(\.cells)
    let widths = titles.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { cells in
      cells.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - cells[column].count)
        return column == 0 ? cells[column] + padding : padding + cells[column]
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
