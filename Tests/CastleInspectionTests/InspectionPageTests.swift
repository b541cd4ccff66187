import CastleInspection
import CastleMeasurement
import Foundation
import Testing

@Suite struct InspectionPageTests {
  @Test func thePageNeedsNothingElse() throws {
    for html in [InspectionPage.html(for: try TestModel().trace(text)), InspectionPage.interactive] {
      for word in ["http://", "https://", "src=", "@import", "url(", "@@"] {
        #expect(!html.contains(word), "the page has \(word)")
      }
    }
  }

  @Test func noTextEndsTheData() throws {
    let html = InspectionPage.html(for: try TestModel().trace("</script><b>&amp; @@TITLE@@ <!--"))
    #expect(html.components(separatedBy: "</script>").count == 3)
    #expect(!html.contains("<!--"))
  }

  @Test(
    .enabled(if: Browser.isPresent, "there is no chromium"),
    arguments: [
      "castle", "castle-swl", "causal", "without causal keys", "without SiLU", "grouped",
    ])
  func theBrowserDrawsWithoutErrors(kind: String) throws {
    let trace = try TestModel(TestModel.kinds[kind]!).trace(text)
    let page = try Browser.load(InspectionPage.html(for: trace))
    #expect(page.errors.isEmpty, "\(page.errors)")
    #expect(page.document.contains("id=\"subtitle\">test · "))
    #expect(page.document.components(separatedBy: "class=\"token").count == trace.tokens.count + 1)
    // A canvas gets its size when it is drawn.
    let maps = kind == "causal" ? 2 : kind == "without causal keys" ? 4 : 5
    #expect(
      page.document.components(separatedBy: "<canvas").dropFirst().count { $0.contains("height: ") } == maps)
  }

  @Test(.enabled(if: Browser.isPresent, "there is no chromium"))
  func theAddressSaysWhatIsShown() throws {
    let trace = try TestModel().trace(text)
    let page = try Browser.load(
      InspectionPage.html(for: trace), address: "#layer=1&head=2&key=4&query=20&time=12&theme=dark")
    #expect(page.errors.isEmpty, "\(page.errors)")
    #expect(page.document.contains("data-theme=\"dark\""))
    #expect(page.document.contains("aria-checked=\"true\" data-layer=\"1\" data-head=\"2\""))
  }
}

/// Debian's chromium, or one under another usual name.
enum Browser {
  struct Page {
    /// The document after its script has run.
    let document: String
    /// What the script wrote to the console.
    let errors: [String]
  }

  static var isPresent: Bool { path != nil }

  private static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  static func load(_ html: String, address: String = "") throws -> Page {
    let folder = try TemporaryFolder()
    try folder.write(html, to: "page.html")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path ?? "")
    process.arguments = [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
      "--user-data-dir=\(folder.path("profile"))", "--virtual-time-budget=2000", "--dump-dom",
      "file://\(folder.path("page.html"))\(address)",
    ]
    process.standardOutput = try folder.handle(folder.path("document"))
    process.standardError = try folder.handle(folder.path("log"))
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let log = try folder.text("log").split(separator: "\n").map(String.init)
    return Page(document: try folder.text("document"), errors: log.filter { $0.contains(":CONSOLE") })
  }
}
