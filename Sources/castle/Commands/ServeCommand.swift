import ArgumentParser
import CastleConsole
import CastleFormats
import CastleGeneration
import CastleModel
import CastleServing
import CastleSystem
import CastleTokenizer
import Foundation

#if Server
  import CastleServer
#endif

/// `castle serve`: models over HTTP.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve models over HTTP, with OpenAI's interface and a page to write with them.",
    discussion: """
      The line "listening on http://HOST:PORT" on standard error says when requests are answered. Open that \
      address in a browser to write with the model, or point an OpenAI client at http://HOST:PORT/v1. All \
      requests are advanced together; what one gets does not depend on the others. Standard output has a \
      JSON line for each request.

      Ctrl-C or SIGTERM refuses new requests and lets those that run end within --grace; another Ctrl-C, \
      more than a second later, ends at once.

      EXAMPLES
        castle serve --model runs/first/model
        castle serve --model a=runs/a/model --model b=runs/b/model --port 0
        castle serve --model runs/first/model --weights int8
        castle serve --model runs/first/model --host 0.0.0.0 --api-key-file keys.txt
        curl http://127.0.0.1:8080/v1/completions -d '{"prompt": "To be"}'
      """)

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "A model folder with a tokenizer.json; NAME=folder says what requests call it. Can be repeated.",
      valueName: "folder"))
  var model: [String]

  @Option(help: "The address to listen at; 0.0.0.0 for all of this machine.")
  var host = "127.0.0.1"

  @Option(parsing: .unconditional, help: "The port; 0 takes a free one.")
  var port = 8_080

  @Option(
    help: ArgumentHelp("A file of keys, one a line, of which requests must show one.", valueName: "file"),
    transform: FilePath.expanded)
  var apiKeyFile: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "An origin of web pages that may use the server, https://example.org or * for all. Can be repeated.",
      valueName: "origin"))
  var corsOrigin: [String] = []

  @Option(
    help: ArgumentHelp(
      "chatml, llama-3 or plain: the form of conversations, for folders without a chat_template.",
      valueName: "form"))
  var chatTemplate: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Memory for the caches of all sequences of a model, in MiB.", valueName: "mebibytes"))
  var memory: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Or memory for so many sequences of full length (default: 16).", valueName: "count"))
  var sequences: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Memory for shared beginnings of prompts, in MiB; 0 for none.", valueName: "mebibytes")
  )
  var prefixMemory = 256

  @Option(parsing: .unconditional, help: "The most requests that wait for room.")
  var queue = 256

  @Option(parsing: .unconditional, help: "The longest prompt, in tokens (default: what the model reads).")
  var maxPromptTokens: Int?

  @Option(
    parsing: .unconditional,
    help: "The most tokens that a request may ask for (default: what the model reads).")
  var maxTokens: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The longest body of a request, in bytes.", valueName: "bytes"))
  var maxBody = 4 << 20

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The longest time for an answer.", valueName: "seconds"))
  var requestTime = 600.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long what runs may go on after SIGTERM.", valueName: "seconds"))
  var grace = 30.0

  @Flag(help: "Write no line for each request.")
  var noAccessLog = false

  @OptionGroup var weightOptions: WeightOptions

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    guard !model.isEmpty else { throw ValidationError("--model is missing; give a model folder") }
    guard (0...65_535).contains(port) else {
      throw ValidationError("--port is \(port), it must be from 0 to 65535")
    }
    guard memory == nil || sequences == nil else {
      throw ValidationError("give either --memory or --sequences, not both")
    }
    for (name, value, least) in [
      ("--memory", memory ?? 1, 1), ("--sequences", sequences ?? 1, 1), ("--prefix-memory", prefixMemory, 0),
      ("--queue", queue, 1), ("--max-prompt-tokens", maxPromptTokens ?? 1, 1),
      ("--max-tokens", maxTokens ?? 1, 1),
      ("--max-body", maxBody, 1_024),
    ] {
      guard value >= least else { throw ValidationError("\(name) is \(value), it must be at least \(least)") }
      guard value <= 1 << 40 else {
        throw ValidationError("\(name) is \(value), it must be at most \(1 << 40)")
      }
    }
    guard requestTime > 0, requestTime <= 1e6 else {
      throw ValidationError("--request-time is \(requestTime), it must be above 0 and at most 1000000")
    }
    guard grace >= 0, grace <= 1e6 else {
      throw ValidationError("--grace is \(grace), it must be from 0 to 1000000")
    }
  }

  #if Server
    func run() throws {
      // What is quickly checked comes before the weights are read.
      var settings = ServerSettings()
      (settings.host, settings.port, settings.allowedOrigins) = (host, port, corsOrigin)
      (settings.bodyBytes, settings.allBodyBytes) = (maxBody, max(settings.allBodyBytes, maxBody))
      (settings.promptTokens, settings.generatedTokens) = (maxPromptTokens, maxTokens)
      (settings.requestSeconds, settings.graceSeconds) = (requestTime, grace)
      // Some files stay for the model, the log and the runtime.
      settings.connections = max(16, min(settings.connections, OpenFiles.raiseLimit() - 64))
      settings.keys = try apiKeyFile.map(APIKeys.init(file:))
      let prepared = try model.map(PreparedModel.init)
      Interruption.listen()
      let models = try prepared.map(load)
      let log =
        noAccessLog ? nil : AccessLog { line in try? StandardOutput.write(line) }
      let server = ModelServer(try RequestHandler(models: models, settings: settings), log: log)
      try ServerProcess.run(server)
    }

    /// A model whose weights are not read yet.
    private struct PreparedModel {
      let name: String
      let folder: String
      let configuration: ModelConfiguration
      let tokenizer: Tokenizer

      /// Reads the small files of `FOLDER` or `NAME=FOLDER`.
      init(_ argument: String) throws {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let isNamed = parts.count == 2 && !parts[0].contains("/")
        folder = FilePath.expanded(isNamed ? String(parts[1]) : argument)
        name = isNamed ? String(parts[0]) : ServedModel.name(forFolder: folder)
        guard !name.isEmpty, !folder.isEmpty else {
          throw InputError("--model \(argument) has no name or no folder; write NAME=folder or a folder")
        }
        configuration = try ModelConfiguration(folder: folder)
        tokenizer = try TokenizerFile.read(path: folder)
      }
    }

    private func load(_ model: PreparedModel) throws -> ServedModel {
      var settings = ServingSettings(queueLength: queue, prefixBytes: prefixMemory << 20)
      if let memory { settings.cacheMemory = .bytes(memory << 20) }
      if let sequences { settings.cacheMemory = .sequences(sequences) }
      let languageModel = try LanguageModel(
        folder: model.folder, configuration: model.configuration, weights: weightOptions.weights,
        backend: backendOptions.makeBackend())
      let engine = try ServingEngine(languageModel, settings: settings)
      let plan = engine.statistics
      let bytes = NumberFormat.bytes
      StandardError.write(
        "\(model.name): caches \(bytes(plan.plannedBytes)), a sequence of "
          + "\(NumberFormat.count(model.configuration.maximumLength, "token")) takes "
          + "\(bytes(plan.bytesPerSequence)); prefixes \(bytes(plan.plannedPrefixBytes))\n")
      return try ServedModel(
        name: model.name, folder: model.folder, configuration: model.configuration,
        tokenizer: model.tokenizer,
        engine: engine, chatTemplate: chatTemplate)
    }
  #else
    func run() throws {
      throw InputError(
        "this castle was built without its server; build it with: "
          + "swift build -c release --product castle --traits Server"
      )
    }
  #endif
}

#if Server
  /// Runs a server until the process is asked to end.
  private enum ServerProcess {
    static func run(_ server: ModelServer) throws {
      let done = DispatchSemaphore(value: 0)
      nonisolated(unsafe) var failure: (any Error)?
      Task {
        do {
          try await server.run { StandardError.write("listening on \($0)\n") }
        } catch {
          failure = error
        }
        done.signal()
      }
      while done.wait(timeout: .now() + .milliseconds(50)) == .timedOut {
        guard Interruption.isRequested else { continue }
        StandardError.write("ending: new requests are refused, Ctrl-C a second later ends at once\n")
        let ended = DispatchSemaphore(value: 0)
        Task {
          await server.shutDown()
          ended.signal()
        }
        ended.wait()
        // Connections that do not close are left to the end of the process.
        _ = done.wait(timeout: .now() + .seconds(1))
        return
      }
      if let failure { throw failure }
    }
  }
#endif
