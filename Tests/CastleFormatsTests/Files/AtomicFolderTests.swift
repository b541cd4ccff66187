import CastleFormats
import Foundation
import Testing

@Suite struct AtomicFolderTests {
  private struct Failure: Error {}

  @Test func appearsWholeOrNotAtAll() throws {
    try withTemporaryFolder { folder in
      #expect(throws: Failure.self) {
        try AtomicFolder.write(to: "\(folder)/model") { path in
          try AtomicFile.write([1], path: "\(path)/half")
          throw Failure()
        }
      }
      #expect(try names(in: folder) == [])
      try AtomicFolder.write(to: "\(folder)/deep/model/") { path in
        try AtomicFile.write([1], path: "\(path)/whole")
      }
      #expect(try names(in: "\(folder)/deep") == ["model"])
      #expect(try names(in: "\(folder)/deep/model") == ["whole"])
    }
  }

  @Test func replacesOnlyWhenAsked() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/model"
      try AtomicFolder.write(to: path) { try AtomicFile.write([1], path: "\($0)/old") }
      let refusal = message {
        try AtomicFolder.write(to: path) { try AtomicFile.write([1], path: "\($0)/new") }
      }
      #expect(refusal?.contains("not empty") == true)
      #expect(try names(in: path) == ["old"])
      try AtomicFolder.write(to: path, replaces: true) { try AtomicFile.write([1], path: "\($0)/new") }
      #expect(try names(in: path) == ["new"])
      #expect(try names(in: folder) == ["model"])
    }
  }

  @Test func refusesTheNameOfAFile() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write([1], path: "\(folder)/file")
      #expect(message { try AtomicFolder.write(to: "\(folder)/file") { _ in } }?.contains("folder") == true)
    }
  }
}
