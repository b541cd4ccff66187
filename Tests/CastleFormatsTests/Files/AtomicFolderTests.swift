import CastleMeasurement
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

  /// What is left of a process that was killed where two folders cannot exchange their names.
  @Test func aFolderThatWasMovedAsideIsBroughtBack() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write([1], path: "\(folder)/.model.replaced/old")
      #expect(throws: InputError.self) { try AtomicFolder.write(to: "\(folder)/model") { _ in } }
      #expect(try names(in: "\(folder)/model") == ["old"])
      #expect(try names(in: folder) == ["model"])
    }
  }

  @Test func refusesTheNameOfAFile() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write([1], path: "\(folder)/file")
      #expect(message { try AtomicFolder.write(to: "\(folder)/file") { _ in } }?.contains("folder") == true)
    }
  }

  @Test func somethingWholeHasTheNameAtEveryMoment() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/model"
      let file = "\(path)/whole"
      func write() throws {
        try AtomicFolder.write(to: path, replaces: true) { try AtomicFile.write([1], path: "\($0)/whole") }
      }
      try write()
      let looks = Looks(file)
      Thread.detachNewThread { looks.run() }
      while looks.count == 0 {}
      var writes = 0
      while writes < 50 || (looks.count <= 50 && writes < 5_000) {
        try write()
        writes += 1
      }
      looks.end()
      #expect(looks.missing == 0 && looks.count > 50, "\(looks.missing) of \(looks.count)")
      #expect(try names(in: folder) == ["model"])
    }
  }

  @Test func aLinkStaysAndItsFolderIsReplaced() throws {
    try withTemporaryFolder { folder in
      try AtomicFolder.write(to: "\(folder)/disk/model") { try AtomicFile.write([1], path: "\($0)/old") }
      let link = "\(folder)/link"
      #expect(symlink("disk/model", link) == 0)
      try AtomicFolder.write(to: link + "/", replaces: true) { try AtomicFile.write([1], path: "\($0)/new") }
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "disk/model")
      #expect(try names(in: "\(folder)/disk/model") == ["new"])
      #expect(try names(in: "\(folder)/disk") == ["model"])
      #expect(symlink("none", "\(folder)/dangling") == 0)
      let refusal = message { try AtomicFolder.write(to: "\(folder)/dangling") { _ in } }
      #expect(refusal?.contains("a link") == true)
    }
  }

  @Test func whatKilledProcessesHaveLeftIsRemoved() throws {
    try withTemporaryFolder { folder in
      let others = [".model.old.1x.partial", ".models.1x.partial", ".model.partial", ".model.1x.partial.txt"]
      for name in others + [".model.1x.partial", ".model.zzz9.partial"] {
        try AtomicFolder.write(to: "\(folder)/\(name)") { try AtomicFile.write([1], path: "\($0)/half") }
      }
      try AtomicFile.write([1], path: "\(folder)/.model.7.partial")
      try AtomicFolder.write(to: "\(folder)/model") { path in
        #expect(try names(in: folder).count == others.count + 2)
        try AtomicFile.write([1], path: "\(path)/whole")
      }
      #expect(try names(in: folder) == (others + [".model.7.partial", "model"]).sorted())
    }
  }

  @Test func whatAnotherWriterIsAtStays() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/model"
      try AtomicFolder.write(to: path, replaces: true) { first in
        try AtomicFolder.write(to: path) { try AtomicFile.write([1], path: "\($0)/second") }
        #expect(try names(in: path) == ["second"])
        try AtomicFile.write([1], path: "\(first)/first")
      }
      #expect(try names(in: path) == ["first"])
      let refusal = message {
        try AtomicFolder.write(to: "\(folder)/other") { first in
          try AtomicFolder.write(to: "\(folder)/other") { try AtomicFile.write([1], path: "\($0)/second") }
          try AtomicFile.write([1], path: "\(first)/first")
        }
      }
      #expect(refusal?.contains("other") == true)
      #expect(try names(in: "\(folder)/other") == ["second"])
      #expect(try names(in: folder) == ["model", "other"])
    }
  }
}

/// Looks again and again whether there is a file, until it is told to end.
private final class Looks: @unchecked Sendable {
  private let path: String
  private let lock = NSLock()
  private var isEnding = false
  private let ended = DispatchSemaphore(value: 0)
  private var counts = (all: 0, missing: 0)

  init(_ path: String) { self.path = path }

  var count: Int { lock.withLock { counts.all } }
  var missing: Int { lock.withLock { counts.missing } }

  func run() {
    while !lock.withLock({ isEnding }) {
      let isMissing = access(path, F_OK) != 0
      lock.withLock { counts = (counts.all + 1, counts.missing + (isMissing ? 1 : 0)) }
    }
    ended.signal()
  }

  func end() {
    lock.withLock { isEnding = true }
    ended.wait()
  }
}
