import CastleFormats
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTensors
import Foundation
import Testing

/// Model folders read for inference, in every format.
@Suite struct WeightFormatTests {
  private let tokens = randomTokens(40)

  private func save(_ model: LanguageModel, in folder: TemporaryFolder) throws -> String {
    try model.save(to: folder.path("model"))
    return folder.path("model")
  }

  private func bits(_ model: LanguageModel) throws -> [UInt32] {
    let engine = InferenceEngine(model)
    let sequence = try engine.makeSequence(capacity: 60)
    var logits = try engine.advance(sequence, by: tokens, logits: .all)
    for token in tokens.prefix(5) { logits += try engine.advance(sequence, by: [token]) }
    return logits.map(\.bitPattern)
  }

  @Test(arguments: ["1m-causal", "1m-castle"], [false, true])
  func foldersGiveTheBitsOfConversion(preset: String, tied: Bool) throws {
    let folder = try TemporaryFolder()
    let model = try makeModel(preset) { $0.tiesEmbeddings = tied }
    let path = try save(model, in: folder)
    let plain = try LanguageModel(folder: path, weights: nil, backend: makeBackend())
    #expect(try bits(plain) == bits(model.packed(.float32)))
    #expect(!plain.isTrainable && plain.parameters.byteCount == model.parameters.byteCount)
    for format in [WeightFormat.bfloat16, .int8, .int4] {
      let converted = try LanguageModel(folder: path, weights: format, backend: makeBackend())
      let expected = try bits(converted)
      #expect(try bits(model.packed(format)) == expected)
      let output = folder.path("\(format)")
      let summary = try QuantizedFolder.write(
        path, as: format, to: output, backend: CPUBackend(threads: 2))
      #expect(summary.relativeError > 0 && summary.relativeError < 0.1)
      #expect(summary.byteCount < summary.originalByteCount || tied)
      #expect(try bits(LanguageModel(folder: output, weights: nil, backend: makeBackend())) == expected)
      #expect(try bits(LanguageModel(folder: output, weights: format, backend: makeBackend())) == expected)
      let reference = try model.logits(tokens)
      let error = relativeError(try converted.logits(tokens), reference.map(Double.init))
      #expect(error < (format == .int4 ? 0.4 : 0.05), "\(format)")
    }
  }

  @Test func aQuantizedFolderCannotBeTrained() throws {
    let folder = try TemporaryFolder()
    let path = try save(makeModel(), in: folder)
    let output = folder.path("int8")
    _ = try QuantizedFolder.write(path, as: .int8, to: output, backend: CPUBackend(threads: 1))
    let model = try LanguageModel(folder: output, backend: makeBackend())
    #expect(!model.isTrainable)
    for body in [
      { _ = try TrainingPass(model, batch: 1, length: 8) }, { try model.save(to: folder.path("other")) },
      { _ = try LanguageModel(folder: output, weights: .float32, backend: makeBackend()) },
      {
        _ = try QuantizedFolder.write(
          output, as: .int4, to: folder.path("again"), backend: CPUBackend(threads: 1))
      },
      { _ = try QuantizedFolder.write(path, as: .int8, to: path, backend: CPUBackend(threads: 1)) },
    ] as [() throws -> Void] {
      #expect(throws: InputError.self) { try body() }
    }
  }

  @Test func aFolderInBFloat16CanBeTrained() throws {
    let folder = try TemporaryFolder()
    let path = try save(makeModel(), in: folder)
    let output = folder.path("bf16")
    _ = try QuantizedFolder.write(path, as: .bfloat16, to: output, backend: CPUBackend(threads: 1))
    let model = try LanguageModel(folder: output, backend: makeBackend())
    #expect(model.isTrainable)
    let half = try LanguageModel(folder: output, weights: nil, backend: makeBackend())
    let error = relativeError(try half.logits(tokens), try model.logits(tokens).map(Double.init))
    #expect(error < 1e-4)
  }

  @Test func anotherBackendReadsAQuantizedFolder() throws {
    let folder = try TemporaryFolder()
    let path = try save(makeModel(), in: folder)
    let output = folder.path("int8")
    _ = try QuantizedFolder.write(path, as: .int8, to: output, backend: CPUBackend(threads: 1))
    final class Other: ForwardingBackend { let inner: any Backend = CPUBackend(threads: 1) }
    let expected = try LanguageModel(folder: output, weights: nil, backend: ReferenceBackend<Float>())
    let other = try LanguageModel(folder: output, weights: nil, backend: Other())
    let error = relativeError(try other.logits(tokens), try expected.logits(tokens).map(Double.init))
    #expect(error < 1e-4)
  }

  @Test func damagedFoldersAreNamed() throws {
    let folder = try TemporaryFolder()
    let path = try save(makeModel(), in: folder)
    let output = folder.path("int8")
    _ = try QuantizedFolder.write(path, as: .int8, to: output, backend: CPUBackend(threads: 1))
    let file = output + "/config.json"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    for (old, new, word) in [
      ("\"castle\"\n", "\"gptq\"\n", "gptq"), ("int8", "int3", "int3"), ("int8", "int4", "shape"),
      (": 32", ": 64", "group_size"),
    ] {
      let changed = text.replacingOccurrences(of: old, with: new)
      guard changed != text else { continue }
      try Data(changed.utf8).write(to: URL(fileURLWithPath: file))
      do {
        _ = try LanguageModel(folder: output, weights: nil, backend: makeBackend())
        Issue.record("\(new) was taken")
      } catch let error as InputError {
        #expect("\(error)".contains(word), "\(error)")
      }
    }
  }
}
