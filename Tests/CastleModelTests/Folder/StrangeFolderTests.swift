import CastleFormats
import CastleMeasurement
import CastleModel
import CastleTensors
import Testing

/// Folders that say one thing twice, or hold more than the model has use for.
@Suite struct StrangeFolderTests {
  /// What reading a folder gave.
  private struct Reading {
    var model: LanguageModel
    var notes: [String]
  }

  private func withFolder(
    _ change: (inout ModelConfiguration) -> Void = { _ in }, extra: [String: [Float]] = [:],
    values: (ParameterLayout.Entry) -> Float = { _ in 0.5 }, _ body: (String) throws -> Void
  ) throws {
    let model = try makeModel("1m-causal", layers: 1)
    var configuration = model.configuration
    change(&configuration)
    let layout = ParameterLayout(configuration)
    try withTemporaryFolder { folder in
      try AtomicFile.write(configuration.json, path: "\(folder)/config.json")
      let extras = extra.sorted { $0.key < $1.key }
      let writer = try SafetensorsWriter(
        path: "\(folder)/model.safetensors",
        tensors: layout.entries.map { .init(name: $0.name, type: .f32, shape: $0.shape) }
          + extras.map { name, values in
            .init(
              name: name, type: .f32,
              shape: name == "lm_head.weight" ? [50, configuration.hiddenSize] : [values.count])
          })
      for entry in layout.entries {
        try writer.write([Float](repeating: values(entry), count: entry.count))
      }
      for (_, values) in extras { try writer.write(values) }
      try writer.finish()
      try body(folder)
    }
  }

  private func read(_ folder: String) throws -> Reading {
    var notes: [String] = []
    let model = try LanguageModel(folder: folder, backend: makeBackend()) { notes.append($0) }
    return Reading(model: model, notes: notes)
  }

  @Test func aHeadThatIsTheEmbeddingIsNoHeadOfItsOwn() throws {
    let count = 50 * 168
    try withFolder(extra: ["lm_head.weight": [Float](repeating: 0.5, count: count)]) { folder in
      let reading = try read(folder)
      #expect(reading.model.configuration.tiesEmbeddings && reading.notes.isEmpty)
    }
  }

  @Test func aHeadThatDiffersIsUsedAndTold() throws {
    let count = 50 * 168
    let head = (0..<count).map { Float($0 % 7) }
    try withFolder(extra: ["lm_head.weight": head]) { folder in
      let configuration = try ModelConfiguration(folder: folder)
      #expect(!configuration.tiesEmbeddings)
      let reading = try read(folder)
      let model = reading.model
      #expect(!model.configuration.tiesEmbeddings)
      let copied = model.read(try #require(model.view(named: "lm_head.weight")))
      #expect(copied == head)
      #expect(reading.notes.count == 1 && reading.notes[0].contains("lm_head.weight"), "\(reading.notes)")
      try model.save(to: "\(folder)/again")
      let again = try read("\(folder)/again").notes
      #expect(again.isEmpty)
    }
  }

  @Test func tensorsOfNoUseAreNamed() throws {
    try withFolder(extra: ["model.layers.0.router.weight": [1, 2], "vision.patch": [3]]) { folder in
      let notes = try read(folder).notes
      #expect(notes.count == 1)
      #expect(notes.first?.contains("model.layers.0.router.weight, vision.patch") == true, "\(notes)")
    }
  }

  @Test func biasesOfZerosAreNothing() throws {
    let name = "model.layers.0.self_attn.q_proj.bias"
    try withFolder(extra: [name: [Float](repeating: 0, count: 168)]) { folder in
      let notes = try read(folder).notes
      #expect(notes.isEmpty)
    }
    try withFolder(extra: [name: [0, 0.25]]) { folder in
      let error = #expect(throws: InputError.self) { try read(folder) }
      #expect(error?.description.contains(name) == true)
    }
  }

  @Test func aFileInGGUFIsRefusedByName() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/tiny.Q4_K.gguf"
      try AtomicFile.write(Array("GGUF\u{3}\0\0\0".utf8), path: path)
      for place in [path, folder] {
        let error = #expect(throws: InputError.self) { try read(place) }
        #expect(error?.description.contains("\(path) is a GGUF file") == true)
      }
      try AtomicFile.write(try makeModel(layers: 1).configuration.json, path: "\(folder)/config.json")
      let error = #expect(throws: InputError.self) { try read(folder) }
      #expect(error?.description.contains("\(path) is a GGUF file") == true)
    }
  }

  /// As of a layer that another program has packed into 4 bits.
  @Test func tensorsOfUnknownTypesMatterOnlyIfNeeded() throws {
    for (name, isNeeded) in [("model.layers.0.extra.qweight", false), ("model.norm.weight", true)] {
      try withTemporaryFolder { folder in
        let model = try makeModel("1m-causal", layers: 1)
        try AtomicFile.write(model.configuration.json, path: "\(folder)/config.json")
        var header = ""
        var bytes: [UInt8] = []
        for entry in model.layout.entries where entry.name != name {
          let end = bytes.count + 4 * entry.count
          header +=
            #""\#(entry.name)":{"dtype":"F32","shape":\#(entry.shape),"#
            + #""data_offsets":[\#(bytes.count),\#(end)]},"#
          bytes += [UInt8](repeating: 0, count: 4 * entry.count)
        }
        header =
          "{\(header)"
          + #""\#(name)":{"dtype":"U8","shape":[3],"data_offsets":[\#(bytes.count),\#(bytes.count + 3)]}}"#
        bytes += [1, 2, 3]
        let size = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init)
        try AtomicFile.write(size + Array(header.utf8) + bytes, path: "\(folder)/model.safetensors")
        if isNeeded {
          let error = #expect(throws: InputError.self) { try read(folder) }
          #expect(error?.description.contains("\(name) is U8") == true)
        } else {
          let notes = try read(folder).notes
          #expect(notes.first?.contains(name) == true)
        }
      }
    }
  }
}
