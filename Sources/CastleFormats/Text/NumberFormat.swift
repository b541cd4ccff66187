import Foundation

/// Numbers as people read them.
package enum NumberFormat {
  /// 1234567 as "1,234,567".
  package static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var result = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { result += "," }
      result.append(digit)
    }
    return result
  }

  /// A number of things as "1 token" or "1,234 tokens".
  package static func count(_ value: Int, _ thing: String) -> String {
    "\(grouped(value)) \(thing)\(value == 1 ? "" : "s")"
  }

  /// A size in bytes as "412 MB" or "1.3 GB".
  package static func bytes(_ count: Int) -> String {
    let value = Double(count)
    if value < 1e6 { return "\(fixed(value / 1e3, 0)) kB" }
    if value < 1e9 { return "\(fixed(value / 1e6, 0)) MB" }
    return "\(fixed(value / 1e9, 1)) GB"
  }

  /// A time in seconds as "2:31" or "1:02:31".
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let total = Int(seconds.rounded())
    let parts = [total / 3600, total / 60 % 60, total % 60]
    let texts = parts.map { $0 < 10 ? "0\($0)" : "\($0)" }
    return parts[0] > 0
      ? "\(parts[0]):\(texts[1]):\(texts[2])" : "\(parts[1]):\(texts[2])"
  }

  /// A number with `digits` digits after the point.
  package static func fixed(_ value: Double, _ digits: Int) -> String {
    value.isFinite ? String(format: "%.\(digits)f", value) : "\(value)"
  }

  /// A small number as "9.80e-04".
  package static func scientific(_ value: Double) -> String {
    String(format: "%.2e", value)
  }
}
