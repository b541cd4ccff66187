/// Which of several owners has which panels of keys, and the tokens of these.
///
/// Every document is cut into panels, and one after the other is given to who has the fewest tokens by then,
/// or of several to who has the least work: early panels of a document are swept by more blocks of queries.
/// So each has about its share of both.
package struct PanelShares: Sendable {
  /// The tokens of each owner.
  package let tokens: [[Range<Int>]]

  /// A panel of a document.
  fileprivate struct Panel: Hashable {
    var document: Int
    var index: Int
  }

  private let documents: Documents
  /// The panels of each owner, and their places among the owner's rows.
  private let panels: [[(panel: Panel, tokens: Range<Int>)]]

  /// The tokens of a panel. No owner has more than its share of all tokens and one panel.
  package static let panelWidth = BlockGeometry.panelWidth

  /// The most tokens that one of `owners` has of `count`.
  package static func largestShare(of count: Int, owners: Int) -> Int {
    min(count, (count + owners - 1) / owners + panelWidth)
  }

  /// Deals out the panels of `documents`.
  package init(_ documents: Documents, owners: Int) {
    precondition(owners > 0)
    self.documents = documents
    var panels: [[(panel: Panel, tokens: Range<Int>)]] = Array(repeating: [], count: owners)
    var loads = Array(repeating: (tokens: 0, work: 0), count: owners)
    for (document, range) in documents.ranges.enumerated() {
      let geometry = BlockGeometry(length: range.count)
      for index in 0..<geometry.panelCount {
        var owner = 0
        for other in 1..<owners where loads[other] < loads[owner] { owner = other }
        let tokens = geometry.panel(index)
        loads[owner].tokens += tokens.count
        loads[owner].work += geometry.blockCount - index
        panels[owner].append(
          (
            Panel(document: document, index: index),
            range.lowerBound + tokens.lowerBound..<range.lowerBound + tokens.upperBound
          ))
      }
    }
    self.panels = panels
    tokens = panels.map { Self.merged($0.map(\.tokens)) }
  }

  /// What one owner has.
  package func share(of owner: Int) -> PanelShare {
    var row = 0
    var rows: [Panel: Int] = [:]
    for (panel, tokens) in panels[owner] {
      rows[Panel(document: documents.ranges[panel.document].lowerBound, index: panel.index)] = row
      row += tokens.count
    }
    return PanelShare(rows: rows)
  }

  /// The tokens whose k^U and v^U move lookahead keys of an owner, in whole blocks.
  package func tokensRead(by owner: Int, _ mechanism: Mechanism) -> [Range<Int>] {
    guard mechanism.hasLookahead else { return [] }
    return Self.merged(
      panels[owner].map { panel, tokens in
        let document = documents.ranges[panel.document]
        let (last, rows) = (tokens.upperBound - 1 - document.lowerBound, BlockGeometry.blockRows)
        let (reach, overflow) = last.addingReportingOverflow(mechanism.windowLength)
        let end = overflow || reach >= document.count ? document.count : (reach / rows + 1) * rows
        return tokens.lowerBound..<document.lowerBound + min(document.count, end)
      })
  }

  /// The same tokens in as few ranges as can be. `ranges` come in the order of their beginnings.
  private static func merged(_ ranges: [Range<Int>]) -> [Range<Int>] {
    ranges.reduce(into: []) { merged, range in
      if let last = merged.last, range.lowerBound <= last.upperBound {
        merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
  }
}

/// The panels of keys that one process has of all, and where they are among its rows.
package struct PanelShare: Sendable {
  /// By the first token of the document and the number of the panel.
  fileprivate let rows: [PanelShares.Panel: Int]

  /// The row of the first key of a panel of the task's document; nil if someone else has it.
  fileprivate func row(ofPanel index: Int, task: HeadTask) -> Int? {
    rows[PanelShares.Panel(document: task.document.lowerBound, index: index)]
  }
}

/// The panels that a call has: all, in their places, where there is no share.
extension PanelShare? {
  func hasPanel(_ index: Int, task: HeadTask) -> Bool {
    map { $0.row(ofPanel: index, task: task) != nil } ?? true
  }

  /// The row of the first of some keys, a panel of the task's document that there is.
  func firstRow(ofKeys tokens: Range<Int>, task: HeadTask) -> Int {
    guard let share = self else { return task.document.lowerBound + tokens.lowerBound }
    guard let row = share.row(ofPanel: tokens.lowerBound / BlockGeometry.panelWidth, task: task) else {
      preconditionFailure("a panel of keys that is not here")
    }
    return row
  }
}
