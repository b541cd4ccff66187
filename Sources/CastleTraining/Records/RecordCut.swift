import CastleFormats
import Foundation

/// Where a file of records, lines of JSON that begin with the number of a step, is cut when its run goes on.
struct RecordCut {
  /// The number of bytes that stay.
  private(set) var byteCount: UInt64 = 0
  /// What is lost of the records, if anything is; the run can go on without them.
  private(set) var loss: String?

  /// Finds it for the file at `path`, which had `expected` bytes after step `step`, without touching the
  /// file.
  ///
  /// - Throws: ``InputError`` if the file holds other records.
  init(path: String, expected: UInt64, step: Int) throws {
    guard expected > 0 else { return }
    guard FilePath.status(path).map({ $0.st_size > 0 }) == true else {
      loss = "\(path) is missing: it begins anew after step \(step)"
      return
    }
    let file = try MappedFile(path: path)
    let first = file.withBytes { Self.step(ofLineAt: 0, $0) }
    if let first, first > step {
      loss = "\(path) begins with step \(first): the records before are missing"
    } else if file.withBytes({ Self.isCut($0, at: expected, after: step) }) {
      byteCount = expected
    } else {
      throw InputError(
        subject: "\(path)",
        problem: "does not hold the records of the checkpoint that the run goes on from, "
          + "\(expected) bytes up to step \(step)",
        remedy: "put the old file back, or move this one away and go on without")
    }
  }

  /// Whether what lies before byte `place` are whole lines up to `step`, and what lies after is of later
  /// steps.
  private static func isCut(_ bytes: UnsafeRawBufferPointer, at place: UInt64, after step: Int) -> Bool {
    let newline = UInt8(ascii: "\n")
    guard let place = Int(exactly: place), place <= bytes.count, bytes[place - 1] == newline else {
      return false
    }
    let start = bytes[..<(place - 1)].lastIndex(of: newline).map { $0 + 1 } ?? 0
    guard let last = self.step(ofLineAt: start, bytes), last <= step else { return false }
    return self.step(ofLineAt: place, bytes).map { $0 >= step } ?? true
  }

  /// The step of the record at byte `start`; nil if there is none, or not a whole one.
  private static func step(ofLineAt start: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
    let key = Array("{\"step\":".utf8)
    let line = bytes[start...]
    guard line.starts(with: key) else { return nil }
    let digits = line.dropFirst(key.count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return Int(String(decoding: digits, as: UTF8.self))
  }
}
