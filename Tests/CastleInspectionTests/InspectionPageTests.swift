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
      "castle-swl", "causal", "without causal keys",
    ])
  func theBrowserDrawsWithoutErrors(kind: String) throws {
    let trace = try TestModel(TestModel.kinds[kind]!).trace(text)
    let page = try Browser.load(InspectionPage.html(for: trace))
    #expect(page.errors.isEmpty, "\(page.errors)")
    let tokens = page.tags("span", with: "data-token=").count
    #expect(tokens == trace.tokens.count)
    // A canvas gets its size when it is drawn.
    let drawn = page.tags("canvas", with: "style=\"height: ").count
    #expect(drawn == (kind == "causal" ? 2 : kind == "without causal keys" ? 5 : 6))
  }

  @Test(.enabled(if: Browser.isPresent, "there is no chromium"), arguments: ["a", "&\n<>\"'"])
  func theLeastTextsAreDrawn(text: String) throws {
    let page = try Browser.load(InspectionPage.html(for: try TestModel().trace(text)))
    #expect(page.errors.isEmpty, "\(page.errors)")
    let tokens = page.tags("span", with: "data-token=").count
    #expect(tokens == text.utf8.count)
  }

  /// Without a server the page says so.
  @Test(.enabled(if: Browser.isPresent, "there is no chromium"))
  func theInteractivePageAsks() throws {
    let page = try Browser.load(InspectionPage.interactive)
    let hidden = page.tags("form", with: "hidden").count
    let messages = page.tags("p", with: "id=\"message\"", "class=\"error\"").count
    #expect(hidden == 0 && messages == 1)
  }

  @Test(.enabled(if: Browser.isPresent, "there is no chromium"))
  func theAddressSaysWhatIsShown() throws {
    let trace = try TestModel().trace(text)
    let page = try Browser.load(
      InspectionPage.html(for: trace), address: "#layer=1&head=2&key=4&query=20&time=12&theme=dark")
    #expect(page.errors.isEmpty, "\(page.errors)")
    let themes = page.tags("html", with: "data-theme=\"dark\"").count
    let heads = page.tags("button", with: "data-layer=\"1\"", "data-head=\"2\"", "aria-checked=\"true\"")
      .count
    #expect(themes == 1 && heads == 1)
  }
}

/// Debian's chromium, or one under another usual name.
enum Browser {
  struct Page {
    /// The document after its script has run.
    let document: String
    /// What the script wrote to the console.
    let errors: [String]

    /// The start tags of the elements called `name` that hold all of `words`.
    func tags(_ name: String, with words: String...) -> [Substring] {
      document.components(separatedBy: "<\(name) ").dropFirst().map { $0.prefix { $0 != ">" } }
        .filter { tag in words.allSatisfy(tag.contains) }
    }
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
