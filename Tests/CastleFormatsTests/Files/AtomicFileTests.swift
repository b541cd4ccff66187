import CastleMeasurement
import CastleFormats
import Foundation
import Testing

@Suite struct AtomicFileTests {
  @Test func appearsOnlyWithItsCommit() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.bin"
      try AtomicFile.write([1, 2, 3], path: path)
      do {
        let file = try AtomicFile(path: path)
        try file.write([9, 9])
        #expect(try MappedFile(path: path).withBytes(Array.init) == [1, 2, 3])
      }
      #expect(try names(in: folder) == ["a.bin"])
      #expect(try MappedFile(path: path).withBytes(Array.init) == [1, 2, 3])
    }
  }

  @Test func earlierBytesCanBeWrittenAgain() throws {
    try withTemporaryFolder { folder in
      let file = try AtomicFile(path: "\(folder)/a.bin")
      try file.write([1, 2, 3, 4])
      try [UInt8(7)].withUnsafeBytes { try file.write($0, at: 1) }
      #expect(file.byteCount == 4)
      try file.commit()
      #expect(try MappedFile(path: file.path).withBytes(Array.init) == [1, 7, 3, 4])
    }
  }

  @Test func missingFoldersAreMade() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write([1], path: "\(folder)/a/b/c.bin")
      #expect(try MappedFile(path: "\(folder)/a/b/c.bin").withBytes(Array.init) == [1])
      let below = "\(folder)/a/b/c.bin/d.bin"
      #expect(message { _ = try AtomicFile(path: below) }?.contains(below) == true)
    }
  }

  @Test func refusesWhatIsNoRegularFile() throws {
    #expect(message { _ = try AtomicFile(path: "/dev/null") }?.contains("not a regular file") == true)
    #expect(message { _ = try MappedFile(path: "/") }?.contains("not a regular file") == true)
    #expect(message { _ = try MappedFile(path: "/nowhere") }?.contains("/nowhere") == true)
  }

  @Test func emptyFilesAreFiles() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write([], path: "\(folder)/empty")
      #expect(try MappedFile(path: "\(folder)/empty").withBytes(\.isEmpty))
      #expect(
        try Digest.sha256(ofFile: "\(folder)/empty")
          == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }
  }

  @Test func digestIsSHA256() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(Array("abc".utf8), path: "\(folder)/abc")
      #expect(
        try Digest.sha256(ofFile: "\(folder)/abc")
          == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
  }
}
