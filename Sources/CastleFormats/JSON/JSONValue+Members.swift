extension JSONValue {
  /// The members of an object, in order. Two objects with the same members are equal whatever their order.
  /// Names are the same if their bytes are, not already where Unicode calls them equal.
  package struct Members: Sendable, Hashable {
    /// The names, in order.
    package private(set) var keys: [String] = []
    private var values: [[UInt8]: JSONValue] = [:]

    /// No members.
    package init() {}

    /// The given members; of two with one name, the second one's value.
    package init(_ members: some Sequence<(key: String, value: JSONValue)>) {
      for (key, value) in members { self[key] = value }
    }

    /// The value of a member, nil if there is none. A new one comes last.
    package subscript(key: String) -> JSONValue? {
      get { values[Array(key.utf8)] }
      set {
        let name = Array(key.utf8)
        let old = values.updateValue(newValue ?? .null, forKey: name)
        if old == nil { keys.append(key) }
        if newValue == nil {
          values[name] = nil
          keys.removeAll { $0.utf8.elementsEqual(name) }
        }
      }
    }

    package static func == (left: Members, right: Members) -> Bool { left.values == right.values }

    package func hash(into hasher: inout Hasher) { hasher.combine(values) }
  }
}

extension JSONValue.Members: Sequence {
  package func makeIterator() -> AnyIterator<(key: String, value: JSONValue)> {
    var rest = keys[...]
    return AnyIterator { rest.popFirst().flatMap { key in self[key].map { (key, $0) } } }
  }

  package var underestimatedCount: Int { keys.count }

  /// How many there are.
  package var count: Int { keys.count }

  /// Whether there are none.
  package var isEmpty: Bool { keys.isEmpty }
}

extension JSONValue.Members: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral members: (String, JSONValue)...) {
    self.init(members.map { (key: $0, value: $1) })
  }

  /// These members and then `others`, whose values win.
  package static func + (first: Self, others: Self) -> Self {
    others.reduce(into: first) { $0[$1.key] = $1.value }
  }
}
