package import CastleModel
package import CastleTokenizer
import CastleFormats
import CastleGeneration
import Foundation

/// A model that the server answers with.
package struct ServedModel: Sendable {
  /// What requests call it.
  package let name: String
  /// The folder that it was read from; nil if none.
  package let folder: String?
  package let configuration: ModelConfiguration
  package let tokenizer: Tokenizer
  package let engine: any TokenEngine
  /// When it was read, in seconds of Unix time.
  package let created: Int

  /// How conversations become text.
  let chat: ChatTemplate.Found
  /// The Jinja program of the folder, as it is.
  let chatSource: String?

  /// A model that is ready.
  ///
  /// - Parameter chatTemplate: The name of a form of conversations, for folders that have none or another.
  /// - Throws: `InputError` if a file beside the weights cannot be read or `chatTemplate` is no form.
  package init(
    name: String, folder: String? = nil, configuration: ModelConfiguration, tokenizer: Tokenizer,
    engine: any TokenEngine, chatTemplate: String? = nil
  ) throws {
    self.name = name
    self.folder = folder
    self.configuration = configuration
    self.tokenizer = tokenizer
    self.engine = engine
    created = Int(Date().timeIntervalSince1970)
    let (found, source) = try folder.map(ChatTemplate.find) ?? (.none, nil)
    chatSource = source
    guard let chatTemplate else {
      chat = found
      return
    }
    guard let form = ChatTemplate.Form(rawValue: chatTemplate) else {
      let names = ChatTemplate.Form.allCases.map(\.rawValue).joined(separator: ", ")
      throw InputError("there is no chat template \(chatTemplate); the forms are \(names)")
    }
    var template = ChatTemplate(form: form)
    if form == .llama3, let id = configuration.beginOfTextID.map(Int32.init) {
      template.beginOfText = String(decoding: tokenizer.bytes(of: id), as: UTF8.self)
    }
    chat = .template(template)
  }

  /// The tokens that end a text.
  var endTokens: Set<Int32> { configuration.endTokens(tokenizer) }

  /// The name that a folder suggests: its own, or that of the folder above if it is just `model`.
  package static func name(forFolder folder: String) -> String {
    let parts = FilePath.absolute(folder).split(separator: "/").map(String.init)
    guard let last = parts.last else { return "model" }
    return last == "model" && parts.count > 1 ? parts[parts.count - 2] : last
  }

  /// The text of a special token; nil if there is none.
  func text(of id: Int?) -> String? {
    id.map { String(decoding: tokenizer.bytes(of: Int32($0)), as: UTF8.self) }
  }
}
