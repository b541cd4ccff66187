import CastleFormats
import Foundation

/// Writes an event file that `tensorboard --logdir` shows.
///
/// An event file is a sequence of TFRecords (length, masked CRC-32C of the length, content, masked CRC-32C of
/// the content), each holding one `tensorflow.Event` message.
public final class TensorBoardWriter {
  /// Where the events go.
  public let path: String

  private let file: AppendingFile

  /// Starts a new event file in `folder`. `firstStep` is the first step that it will report: TensorBoard then
  /// forgets what older files in the folder, written before an interruption, say of that step and later ones.
  public init(folder: String, firstStep: Int = 1) throws {
    let older = Self.timeOfNewest(in: folder)
    let time = max(Int(Date().timeIntervalSince1970), (older ?? 0) + 1)
    let host = ProcessInfo.processInfo.hostName.replacing(" ", with: "-")
    path = folder + "/\(Self.prefix)\(time).\(host)"
    file = try AppendingFile(path: path, truncatedTo: 0)
    var version = ProtobufMessage()
    version.add(Field.wallTime, double: Date().timeIntervalSince1970)
    version.add(Field.fileVersion, string: "brain.Event:2")
    write(version)
    if older != nil { writeRestart(step: firstStep) }
    try flush()
  }

  /// Adds numbers under their tags, such as `"train/loss"`.
  public func add(scalars: [(tag: String, value: Double)], step: Int) {
    var summary = ProtobufMessage()
    for scalar in scalars {
      var value = ProtobufMessage()
      value.add(SummaryField.tag, string: scalar.tag)
      value.add(SummaryField.simpleValue, float: Float(scalar.value))
      summary.add(SummaryField.value, message: value)
    }
    write(summary, step: step)
  }

  /// Adds a text, shown in TensorBoard's text tab.
  public func add(text: String, tag: String, step: Int) {
    var plugin = ProtobufMessage()
    plugin.add(1, string: "text")
    var metadata = ProtobufMessage()
    metadata.add(1, message: plugin)
    var dimension = ProtobufMessage()
    dimension.add(1, integer: 1)
    var shape = ProtobufMessage()
    shape.add(2, message: dimension)
    var tensor = ProtobufMessage()
    tensor.add(1, integer: Self.stringDataType)
    tensor.add(2, message: shape)
    tensor.add(8, string: text)
    var value = ProtobufMessage()
    value.add(SummaryField.tag, string: tag)
    value.add(SummaryField.tensor, message: tensor)
    value.add(SummaryField.metadata, message: metadata)
    var summary = ProtobufMessage()
    summary.add(SummaryField.value, message: value)
    write(summary, step: step)
  }

  /// Hands what was added to the operating system.
  public func flush() throws {
    try file.flush()
  }

  private static let prefix = "events.out.tfevents."
  private static let stringDataType: Int64 = 7

  /// Field numbers of `tensorflow.Event`.
  private enum Field {
    static let wallTime = 1, step = 2, fileVersion = 3, summary = 5, sessionLog = 7
  }

  /// Field numbers of `tensorflow.Summary` and its values.
  private enum SummaryField {
    static let value = 1
    static let tag = 1, simpleValue = 2, tensor = 8, metadata = 9
  }

  /// TensorBoard reads the files of a folder in the order of their names, which contain a time in seconds.
  private static func timeOfNewest(in folder: String) -> Int? {
    let names = FilePath.entries(ofFolder: folder) ?? []
    return names.filter { $0.hasPrefix(prefix) }
      .compactMap { Int($0.dropFirst(prefix.count).prefix { $0.isNumber }) }.max()
  }

  private func writeRestart(step: Int) {
    var log = ProtobufMessage()
    log.add(1, integer: 1)
    var event = ProtobufMessage()
    event.add(Field.wallTime, double: Date().timeIntervalSince1970)
    event.add(Field.step, integer: Int64(step))
    event.add(Field.sessionLog, message: log)
    write(event)
  }

  private func write(_ summary: ProtobufMessage, step: Int) {
    var event = ProtobufMessage()
    event.add(Field.wallTime, double: Date().timeIntervalSince1970)
    event.add(Field.step, integer: Int64(step))
    event.add(Field.summary, message: summary)
    write(event)
  }

  private func write(_ event: ProtobufMessage) {
    let length = withUnsafeBytes(of: UInt64(event.bytes.count).littleEndian) { Array($0) }
    file.append(length)
    file.append(littleEndian: CRC32C.masked(length))
    file.append(event.bytes)
    file.append(littleEndian: CRC32C.masked(event.bytes))
  }
}
