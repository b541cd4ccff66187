import CastleFormats
import CastleMeasurement
import CastleTokenizer
import Foundation
import Testing

/// What the files beside a vocabulary change, as transformers 5 has it.
struct FolderSettingsTests {
  /// A folder of GPT-2's form or a `tokenizer.json`, with the bytes and " a" as tokens, and other files.
  private func folder(_ files: [String: String], isJSON: Bool = false) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    var vocabulary = Dictionary(
      uniqueKeysWithValues: try (UInt8(0)...255).map { byte in
        let tokenizer = try Tokenizer(vocabulary: [[byte]], merges: [], addedTokens: [])
        let file =
          try JSONSerialization.jsonObject(with: Data(TokenizerFile.json(tokenizer))) as! [String: Any]
        let model = file["model"] as! [String: Any]
        return ((model["vocab"] as! [String: Int]).keys.first!, Int(byte))
      })
    vocabulary["Ġa"] = 256
    if isJSON {
      let byteLevel: [String: Any] = ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true]
      let file: [String: Any] = [
        "added_tokens": [[String: Any]](), "pre_tokenizer": byteLevel, "decoder": byteLevel,
        "model": ["type": "BPE", "vocab": vocabulary, "merges": ["Ġ a"]] as [String: Any],
      ]
      try folder.write([UInt8](try JSONSerialization.data(withJSONObject: file)), to: "tokenizer.json")
    } else {
      try folder.write([UInt8](try JSONSerialization.data(withJSONObject: vocabulary)), to: "vocab.json")
      try folder.write("#version: 0.2\nĠ a\n", to: "merges.txt")
    }
    for (name, content) in files { try folder.write(content, to: name) }
    return folder
  }

  @Test(arguments: [false, true]) func addedTokensJSONIsRead(_ isJSON: Bool) throws {
    let folder = try folder(["added_tokens.json": #"{"<|im_start|>": 257, "<extra>": 258}"#], isJSON: isJSON)
    let tokenizer = try TokenizerFile.read(path: folder.path)
    #expect(tokenizer.encode("a<|im_start|> a<extra>") == [97, 257, 256, 258])
    #expect(tokenizer.addedTokens.map(\.isNormalized) == [true, true])
    #expect(tokenizer.vocabularySize == 259)
  }

  @Test func tokensWithARoleAreSpecial() throws {
    let folder = try folder([
      "added_tokens.json": #"{"<|im_start|>": 257}"#,
      "special_tokens_map.json":
        #"{"additional_special_tokens": ["<|im_start|>", "<extra>"], "pad_token": {"content": "[PAD]", "#
        + #""lstrip": true}}"#,
    ])
    let tokenizer = try TokenizerFile.read(path: folder.path)
    #expect(tokenizer.encode("<|im_start|><extra>  [PAD]") == [257, 259, 258])
    #expect(tokenizer.addedTokens.map(\.isSpecial) == [true, true, true])
  }

  @Test(arguments: [false, true]) func theAddedTokensDecoderIsRead(_ isJSON: Bool) throws {
    let folder = try folder(
      [
        "tokenizer_config.json": """
        {"added_tokens_decoder": {"257": {"content": "<extra>", "rstrip": true, "special": true},
          "256": {"content": "\u{120}a", "special": false}}, "eos_token": "<extra>"}
        """
      ], isJSON: isJSON)
    let tokenizer = try TokenizerFile.read(path: folder.path)
    #expect(tokenizer.encode("<extra>  b") == [257, 98])
    #expect(tokenizer.addedTokens.map(\.isSpecial) == [false, true])
  }

  @Test func aSpaceBeforeTextsIsRead() throws {
    let configuration = #"{"tokenizer_class": "GPT2TokenizerFast", "add_prefix_space": true}"#
    for isJSON in [false, true] {
      let folder = try folder(["tokenizer_config.json": configuration], isJSON: isJSON)
      let tokenizer = try TokenizerFile.read(path: folder.path)
      #expect(tokenizer.encode("a") == [256])
      #expect(tokenizer.encode(" a") == [256])
    }
  }

  @Test func qwensFilesAreRead() throws {
    let folder = try folder(["tokenizer_config.json": #"{"tokenizer_class": "Qwen2Tokenizer"}"#])
    let tokenizer = try TokenizerFile.read(path: folder.path)
    #expect(tokenizer.encode("e\u{301}") == [0xC3, 0xA9])
  }

  @Test(arguments: [
    (#"{"tokenizer_class": "RobertaTokenizer"}"#, false, "RobertaTokenizer"),
    (#"{"added_tokens_decoder": {"300": {"content": "<x>"}}}"#, false, "<x>"),
    (#"{"added_tokens_decoder": {"300": {"content": "<x>"}}}"#, true, "300"),
    (#"{"added_tokens_decoder": {"x": {"content": "<x>"}}}"#, true, "no id"),
    (#"{"added_tokens_decoder": 1}"#, true, "added_tokens_decoder"),
    (#"{"add_prefix_space": true}"#, true, "add_prefix_space"),
    ("{", true, "tokenizer_config.json"),
  ]) func whatCannotBeIsRefused(_ configuration: String, _ isJSON: Bool, _ word: String) throws {
    let folder = try folder(["tokenizer_config.json": configuration], isJSON: isJSON)
    let error = try #require(throws: InputError.self) { try TokenizerFile.read(path: folder.path) }
    #expect(error.description.contains(word), "\(error)")
    #expect(error.description.contains(folder.path), "\(error)")
  }
}
