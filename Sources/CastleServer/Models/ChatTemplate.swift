import CastleFormats
import Foundation

/// How a conversation becomes the text that a model was trained on.
///
/// A folder says it as a program in Jinja. A few programs are known and done here; another is refused rather
/// than guessed at.
struct ChatTemplate: Sendable, Hashable {
  /// The forms that are implemented.
  enum Form: String, Sendable, CaseIterable {
    /// `<|im_start|>role`, a line feed, the content and `<|im_end|>`.
    case chatML = "chatml"
    /// `<|start_header_id|>role<|end_header_id|>`, an empty line, the trimmed content and `<|eot_id|>`.
    case llama3 = "llama-3"
    /// `role: content`, one after another.
    case plain
  }

  var form: Form
  /// The token at the start of a text, which Llama-3's form puts there.
  var beginOfText = ""
  /// What stands for a system message where there is none.
  var systemMessage: String?
  /// Whether the start of an answer comes even if it is not asked for.
  var alwaysStartsAnswer = false

  /// The text of a conversation, and if wanted the start of an answer.
  func text(_ messages: [ChatMessage], startsAnswer: Bool) -> String {
    let starts = startsAnswer || alwaysStartsAnswer
    switch form {
    case .chatML:
      var all = messages
      if let systemMessage, all.first?.role != "system" {
        all.insert(ChatMessage(role: "system", content: systemMessage), at: 0)
      }
      return all.map { "<|im_start|>\($0.role)\n\($0.content)<|im_end|>\n" }.joined()
        + (starts ? "<|im_start|>assistant\n" : "")
    case .llama3:
      return beginOfText
        + messages.map { message in
          let content = message.content.trimmingCharacters(in: .whitespacesAndNewlines)
          return "<|start_header_id|>\(message.role)<|end_header_id|>\n\n\(content)<|eot_id|>"
        }.joined() + (starts ? "<|start_header_id|>assistant<|end_header_id|>\n\n" : "")
    case .plain:
      return messages.map { "\($0.role): \($0.content)\n" }.joined() + (starts ? "assistant:" : "")
    }
  }

  /// The name of the token that ends an answer.
  var endOfAnswer: String? {
    switch form {
    case .chatML: "<|im_end|>"
    case .llama3: "<|eot_id|>"
    case .plain: nil
    }
  }

  /// The text before which an answer ends where no token does.
  var stop: String? { form == .plain ? "\nuser:" : nil }
}

extension ChatTemplate {
  /// What a folder says about conversations.
  enum Found: Sendable, Hashable {
    case template(ChatTemplate)
    /// It has no template.
    case none
    /// It has one that is not implemented.
    case unknown
  }

  /// The template of a model folder: `chat_template.jinja`, or `chat_template` in `tokenizer_config.json`.
  ///
  /// - Throws: `InputError` if a file cannot be read.
  static func find(folder: String) throws -> (found: Found, source: String?) {
    let settings = try object(folder + "/tokenizer_config.json")
    var beginOfText = ""
    switch settings["bos_token"] {
    case .string(let token): beginOfText = token
    case .some(let token): if case .string(let content) = token["content"] { beginOfText = content }
    case nil: break
    }
    guard let source = try source(folder, settings) else { return (.none, nil) }
    guard var template = known[JinjaText.tokens(source)] else { return (.unknown, source) }
    template.beginOfText = beginOfText
    return (.template(template), source)
  }

  private static func source(_ folder: String, _ settings: JSONValue.Members) throws -> String? {
    let path = folder + "/chat_template.jinja"
    if FilePath.exists(path) {
      return try MappedFile(path: path).withBytes { String(decoding: $0, as: UTF8.self) }
    }
    switch settings["chat_template"] {
    case .string(let source): return source
    case .list(let templates):
      let main = templates.first { $0["name"] == .string("default") }
      if case .string(let source) = main?["template"] { return source }
      return nil
    default: return nil
    }
  }

  private static func object(_ path: String) throws -> JSONValue.Members {
    guard FilePath.exists(path) else { return [:] }
    return try MappedFile(path: path).withBytes { try JSONValue.object($0, source: path) }
  }

  /// The known programs by their tokens.
  private static let known: [[String]: ChatTemplate] = {
    var known: [[String]: ChatTemplate] = [:]
    func add(_ template: ChatTemplate, _ source: String) { known[JinjaText.tokens(source)] = template }

    let preset =
      "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    let start = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    let bodies = [
      "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}",
      "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n'}}",
    ]
    let systems = [nil, "You are a helpful assistant.", "You are a helpful assistant"]
    for body in bodies {
      for system in systems {
        var first = ""
        if let system {
          first =
            "{% if loop.first and messages[0]['role'] != 'system' %}"
            + "{{ '<|im_start|>system\\n\(system)<|im_end|>\\n' }}{% endif %}"
        }
        let loop = "{% for message in messages %}\(first)\(body){% endfor %}"
        let template = ChatTemplate(form: .chatML, systemMessage: system)
        add(template, loop + start)
        add(template, preset + loop + start)
      }
    }

    let header = "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'"
    let loop =
      "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = \(header)+ "
      + "message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
      + "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    let answer = "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"
    add(ChatTemplate(form: .llama3), loop + "{% if add_generation_prompt %}\(answer){% endif %}")
    add(ChatTemplate(form: .llama3, alwaysStartsAnswer: true), loop + answer)

    let lines = [
      "{{ message['role'] + ': ' + message['content'] + '\\n' }}",
      "{{ message['role'] }}: {{ message['content'] }}{{ '\\n' }}",
    ]
    for line in lines {
      let loop = "{% for message in messages %}\(line){% endfor %}"
      add(
        ChatTemplate(form: .plain), loop + "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}")
      add(ChatTemplate(form: .plain), loop + "{% if add_generation_prompt %}assistant:{% endif %}")
    }
    return known
  }()
}
