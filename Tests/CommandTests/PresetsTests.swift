import Foundation
import Testing

struct PresetsTests {
  private struct Row: Decodable {
    var name: String
    var parameters: Int
    var hiddenSize: Int
    var intermediateSize: Int
  }

  @Test func theJSONListHasEveryScaleWithEveryMechanism() throws {
    let output = try CastleProcess.output(["presets", "--json"])
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let rows = try decoder.decode([Row].self, from: Data(output.utf8))
    #expect(rows.count == 24)
    #expect(rows.first { $0.name == "s-castle" }?.parameters == 160_647_424)
    #expect(rows.allSatisfy { $0.hiddenSize < $0.intermediateSize })
    #expect(output.split(separator: "\n").count == 1)
  }

  @Test func theTableShowsNamesAndCounts() throws {
    let lines = try CastleProcess.output(["presets"]).split(separator: "\n")
    #expect(lines.count == 25)
    let line = lines.first { $0.hasPrefix("xl-castle ") }
    #expect(line?.contains("1,304,645,632") == true)
  }
}
