import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
import Testing

struct CheckpointStoreTests {
  private let run: TemporaryFolder
  private let store: CheckpointStore

  init() throws {
    run = try TemporaryFolder()
    store = CheckpointStore(run: run.path)
  }

  private func save(_ step: Int, _ content: String = "weights") throws -> CheckpointStore.Entry {
    try store.save(step: step) { folder in
      try AtomicFile.write(content.utf8, path: folder + "/model.bin")
    }
  }

  private func overwrite(_ path: String, with text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  @Test func aNewRunHasNone() throws {
    #expect(try store.newestIntact().entry == nil)
  }

  @Test func theNewestAndTheBestStay() throws {
    let entries = try [1, 2, 3, 4].map { try save($0) }
    try store.markBest(entries[0])
    try store.prune(keeping: 2, besides: entries[3], best: 1)
    #expect(store.entries.map(\.step) == [4, 3, 1])
    #expect(try run.text("best/model.bin") == "weights")
  }

  /// What `cp -rL` makes of the link, where it is seen to be a checkpoint.
  @Test func aCopyOfTheBestGivesWayToALinkAndAnythingElseStays() throws {
    let entries = try [1, 2].map { try save($0) }
    try AtomicFile.write("{}".utf8, path: entries[0].folder + "/training.json")
    try FileManager.default.copyItem(atPath: entries[0].folder, toPath: run.path("best"))
    try store.markBest(entries[1])
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: run.path("best"))
        == "checkpoints/step-00000002")
    try FileManager.default.removeItem(atPath: run.path("best"))
    try run.write("mine", to: "best/notes.txt")
    #expect(throws: InputError.self) { try store.markBest(entries[1]) }
    #expect(try run.text("best/notes.txt") == "mine")
    #expect(try run.names() == ["best", "checkpoints"])
  }

  @Test func aDamagedCheckpointIsNamedAndTheOneBeforeIsUsed() throws {
    _ = try save(1)
    let newest = try save(2)
    try store.markBest(newest)
    try overwrite(newest.folder + "/model.bin", with: "weightz")
    let found = try store.newestIntact()
    #expect(found.entry?.step == 1)
    #expect(found.damages.count == 1)
    #expect(found.damages[0].contains("step-00000002/model.bin is damaged"))
    #expect(found.damages[0].contains("checkpoints/damaged-step-00000002"))
    #expect(try run.text("checkpoints/damaged-step-00000002/model.bin") == "weightz")
    #expect(try store.newestIntact().damages.isEmpty)
    #expect(try run.names() == ["checkpoints"])
  }

  /// With more damaged checkpoints than stay on disk, the good ones would have to go.
  @Test func damagedCheckpointsTakeNoPlaceOfGoodOnes() throws {
    for step in [1, 2, 3] { _ = try save(step) }
    for step in [2, 3] { try overwrite(run.path + "/checkpoints/step-0000000\(step)/model.bin", with: "") }
    #expect(try store.newestIntact().entry?.step == 1)
    let saved = try save(2)
    try store.prune(keeping: 2, besides: saved)
    #expect(store.entries.map(\.step) == [2, 1])
    #expect(try store.newestIntact().entry == saved)
  }

  @Test func whatWasJustSavedStays() throws {
    for step in [2, 3] { _ = try save(step) }
    try store.prune(keeping: 2, besides: save(1))
    #expect(store.entries.map(\.step) == [3, 2, 1])
  }

  @Test func aMissingFileOrListCountsAsDamage() throws {
    _ = try save(1)
    for (step, name) in [(2, "model.bin"), (3, "SHA256SUMS")] {
      try FileManager.default.removeItem(atPath: save(step).folder + "/" + name)
    }
    let found = try store.newestIntact()
    #expect(found.entry?.step == 1 && found.damages.count == 2)
  }

  @Test func nothingIntactIsAnError() throws {
    try overwrite(save(1).folder + "/model.bin", with: "")
    for _ in 0..<2 { #expect(throws: InputError.self) { try store.newestIntact() } }
    #expect(store.entries.count == 1)
  }

  @Test func aFailedSaveLeavesNothingBehind() throws {
    _ = try save(1)
    #expect(throws: InputError.self) {
      try store.save(step: 2) { folder in
        try AtomicFile.write([1], path: folder + "/a")
        throw InputError("no space left")
      }
    }
    #expect(try run.names() == ["checkpoints"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: run.path + "/checkpoints").count == 1)
  }

  @Test func savingAStepAgainReplacesIt() throws {
    _ = try save(1, "old")
    _ = try save(1, "new")
    #expect(store.entries.count == 1)
    #expect(try run.text("checkpoints/step-00000001/model.bin") == "new")
  }

  @Test func aCheckpointMovedAsideByAKilledSaveComesBack() throws {
    let folder = run.path + "/checkpoints/"
    _ = try save(1)
    try FileManager.default.moveItem(
      atPath: folder + "step-00000001", toPath: folder + ".replaced-step-00000001")
    #expect(try store.newestIntact().entry?.step == 1)
  }

  @Test func theListIsInTheFormOfSha256sum() throws {
    _ = try save(1, "abc")
    #expect(
      try run.text("checkpoints/step-00000001/SHA256SUMS")
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  model.bin\n")
  }
}
