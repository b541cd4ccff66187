import CastleFormats
import CastleMeasurement
import Testing

struct FileLockTests {
  @Test func onlyOneHasTheLock() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("lock")
    #expect(!FileLock.isTaken(path))
    var first = try FileLock(path: path)
    first?.write("a longer text")
    first?.write("process 7")
    #expect(first != nil && first?.obstacle == nil && FileLock.isTaken(path))
    #expect(try FileLock(path: path) == nil)
    #expect(try folder.text("lock") == "process 7")
    first = nil
    #expect(!FileLock.isTaken(path))
    #expect(try FileLock(path: path) != nil)
  }

  @Test func whereNoFileCanBeThereIsNoLock() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("none/lock")
    #expect(throws: InputError.self) { try FileLock(path: path) }
    #expect(!FileLock.isTaken(path))
  }
}
