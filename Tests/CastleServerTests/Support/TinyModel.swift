#if Server
  import CastleModel
  import CastleOperations
  import CastleServer
  import CastleServing
  import CastleTensors

  /// A small model with random weights behind a real engine.
  struct TinyModel {
    let served: ServedModel
    let engine: ServingEngine

    /// Weights that `seed` determines.
    static func weights(seed: UInt64 = 5) throws -> LanguageModel {
      try LanguageModel(TestServer.configuration, backend: CPUBackend(threads: 1), seed: seed)
    }

    init(name: String = "tiny", seed: UInt64 = 5, settings: ServingSettings = ServingSettings()) throws {
      engine = try ServingEngine(try Self.weights(seed: seed), settings: settings)
      served = try TestServer.model(engine, name: name, chatTemplate: "plain")
    }
  }
#endif
