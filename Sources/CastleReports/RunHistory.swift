import CastleFormats
import CastleTraining
import Foundation

/// What the files in a run's folder say about it.
public struct RunHistory: Sendable {
  /// A loss of the training text.
  public struct Point: Sendable, Hashable {
    /// The number of tokens trained on.
    public var tokens: Int
    /// The seconds of work since the run began.
    public var seconds: Double
    /// The loss, in nats.
    public var loss: Double
    /// The bits that the model needs for a byte of the text; nil for training losses, and where it is not
    /// known.
    public var bitsPerByte: Double?
    /// The share of right answers; nil for text.
    public var accuracy: Double?
  }

  /// The folder.
  public let folder: String
  /// The name of the folder alone.
  public var name: String { folder.split(separator: "/").last.map(String.init) ?? folder }
  /// The loss of every step.
  public private(set) var steps: [Point] = []
  /// The number of the last step; more than ``steps`` where the records of the first steps are lost.
  public private(set) var lastStep = 0
  /// The losses of every evaluation, by name of the set.
  public private(set) var evaluations: [String: [Point]] = [:]

  /// Reads the records of the run in `folder`, which may be going on.
  public init(folder: String) throws {
    self.folder = folder
    var seconds: [Int: Double] = [:]
    let timing = folder + "/" + RunRecords.timingName
    for row in FilePath.exists(timing) ? try Self.rows(timing) : [] {
      if let time = row.seconds { seconds[row.step] = time }
    }
    // The time of a step may not be written yet: then that of the step before stands for it.
    var time = 0.0
    for row in try Self.rows(folder + "/" + RunRecords.metricsName) {
      guard let tokens = row.tokens else { continue }
      time = seconds[row.step] ?? time
      if let loss = row.loss {
        lastStep = row.step
        steps.append(Point(tokens: tokens, seconds: time, loss: loss, bitsPerByte: nil))
      } else if let loss = row.evaluationLoss, let set = row.set {
        evaluations[set, default: []].append(
          Point(
            tokens: tokens, seconds: time, loss: loss, bitsPerByte: row.bitsPerByte, accuracy: row.accuracy))
      }
    }
    guard !steps.isEmpty else { throw InputError("\(folder) holds no steps of a run") }
  }

  /// Reads the records of the run in `folder`; nil if it has not done a step yet.
  package init?(ifBegun folder: String) throws {
    let data = FilePath.contents(folder + "/" + RunRecords.metricsName) ?? Data()
    guard data.contains(UInt8(ascii: "\n")) else { return nil }
    try self.init(folder: folder)
  }

  private struct Row: Decodable {
    var step: Int
    var tokens: Int?
    var loss: Double?
    var seconds: Double?
    var set: String?
    var evaluationLoss: Double?
    var bitsPerByte: Double?
    var accuracy: Double?

    enum CodingKeys: String, CodingKey {
      case step, tokens, loss, seconds, set, accuracy
      case bitsPerByte = "bits_per_byte"
      case evaluationLoss = "evaluation_loss"
    }
  }

  private static func rows(_ path: String) throws -> [Row] {
    guard let data = FilePath.contents(path) else {
      throw InputError("cannot read \(path): is this the folder of a run made by castle train?")
    }
    let decoder = JSONDecoder()
    // The line after the last line feed is one that a process was not able to end, or is still writing.
    let lines = data[..<(data.lastIndex(of: UInt8(ascii: "\n")) ?? data.startIndex)]
    return try lines.split(separator: UInt8(ascii: "\n")).enumerated().map { index, line in
      do {
        return try decoder.decode(Row.self, from: Data(line))
      } catch {
        throw InputError("\(path):\(index + 1): not a record of a run")
      }
    }
  }
}
