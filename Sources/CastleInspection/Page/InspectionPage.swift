import CastleFormats

/// A page that shows an ``AttentionTrace``: one HTML file that needs no other and no network.
///
/// It shows the maps of attention, causal score and lookahead term side by side for a layer and head by
/// choice, how the key of a chosen token moves as later tokens are read, and all keys against one query over
/// time.
public enum InspectionPage {
  /// A page that shows `trace`.
  public static func html(for trace: AttentionTrace) -> String {
    page(title: "\(trace.name): lookahead keys", data: trace.json, connections: "'none'")
  }

  /// A page that asks the server it came from: `v1/models` for the names of the models, as OpenAI's interface
  /// has it, and `look/trace` for a trace, with the body of an ``AttentionTraceRequest``. Both are relative
  /// to the address of the page, which is `/look` on a server of its own.
  public static var interactive: String {
    page(title: "Lookahead keys", data: "null", connections: "'self'")
  }

  private static func page(title: String, data: String, connections: String) -> String {
    let parts = [
      "TITLE": escaped(title), "CONNECTIONS": connections, "STYLE": text(PackageResources.page_css),
      "SCRIPT": scripts.map(text).joined(separator: "\n"),
      "TRACE": escapedForScript(data),
    ]
    var pieces = text(PackageResources.page_html).split(separator: "@@", omittingEmptySubsequences: false)
      .map(String.init)
    for index in pieces.indices { pieces[index] = parts[pieces[index]] ?? pieces[index] }
    return pieces.joined()
  }

  /// The script in the order of its parts.
  private static var scripts: [[UInt8]] {
    [
      PackageResources.trace_js, PackageResources.colors_js, PackageResources.maps_js,
      PackageResources.curves_js, PackageResources.distance_js, PackageResources.text_js,
      PackageResources.state_js, PackageResources.pictures_js, PackageResources.colorings_js,
      PackageResources.heads_js, PackageResources.pointer_js, PackageResources.page_js,
    ]
  }

  /// JSON in which no text can end the element that holds it: in JSON "<" occurs in strings alone.
  private static func escapedForScript(_ json: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(json.utf8.count)
    for byte in json.utf8 {
      if byte == UInt8(ascii: "<") { bytes += Array(#"\u003C"#.utf8) } else { bytes.append(byte) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
  }
}
