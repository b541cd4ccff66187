import CastleFormats

/// `sliding_window`, and for Qwen `use_sliding_window`, `max_window_layers` and `layer_types`.
extension ModelConfiguration {
  /// The window that a `config.json` asks for, nil if no layer has one.
  ///
  /// - Throws: ``InputError`` if keys contradict each other, or a value is none.
  static func slidingWindow(
    _ object: ConfigurationObject, family: ModelFamily, layerCount: Int
  ) throws -> SlidingWindow? {
    try check("num_hidden_layers", layerCount, within: ModelLimits.layers)
    let length: Int?
    switch family {
    case .llama: length = nil
    case .mistral: length = try Self.windowLength(object)
    case .qwen2, .qwen3:
      length = try object.bool("use_sliding_window", default: false) ? try Self.windowLength(object) : nil
    }
    let types = try Self.layerTypes(object, layerCount: layerCount)
    let isSliding: [Bool]
    if family.hasLayerTypes {
      let first = try object.integer("max_window_layers", default: 28)
      isSliding = types ?? (0..<layerCount).map { length != nil && $0 >= first }
    } else {
      isSliding = Array(repeating: length != nil, count: layerCount)
    }
    if let types, types != isSliding || (length == nil && types.contains(true)) {
      throw InputError(
        "layer_types has sliding_attention in \(types.filter { $0 }.count) of \(layerCount) layers, "
          + "which contradicts the sliding window of this \(family.rawValue) model: "
          + (length.map { "\($0) tokens in every layer" } ?? "it has none"))
    }
    let layers = Set(isSliding.indices.filter { isSliding[$0] })
    guard let length, !layers.isEmpty else { return nil }
    return SlidingWindow(length: length, layers: layers)
  }

  private static func windowLength(_ object: ConfigurationObject) throws -> Int? {
    let key = "sliding_window"
    guard let length = object.members[key] == nil ? 4096 : try object.integer(ifPresent: key) else {
      return nil
    }
    try check(key, length, within: ModelLimits.length)
    return length
  }

  /// For each layer, whether `layer_types` gives it a sliding window; nil if there is no such key.
  private static func layerTypes(_ object: ConfigurationObject, layerCount: Int) throws -> [Bool]? {
    guard let types = try object.strings(ifPresent: "layer_types") else { return nil }
    guard types.count == layerCount else {
      throw InputError("layer_types has \(types.count) entries, num_hidden_layers is \(layerCount)")
    }
    return try types.map { type in
      switch type {
      case "full_attention": return false
      case "sliding_attention": return true
      default:
        throw InputError(
          "layer_types holds \"\(type)\"; full_attention and sliding_attention are implemented")
      }
    }
  }

  /// The keys of a `config.json` that say where the window is.
  var windowMembers: JSONValue.Members {
    let length: JSONValue = slidingWindow.map { .integer($0.length) } ?? .null
    switch family {
    case .llama: return [:]
    case .mistral: return ["sliding_window": length]
    case .qwen2, .qwen3:
      let layers = slidingWindow?.layers ?? []
      return [
        "use_sliding_window": .bool(!layers.isEmpty), "sliding_window": length,
        "max_window_layers": .integer(layers.min() ?? layerCount),
        "layer_types": .list(
          (0..<layerCount).map {
            .string(layers.contains($0) ? "sliding_attention" : "full_attention")
          }),
      ]
    }
  }
}
