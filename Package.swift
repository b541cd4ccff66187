// swift-tools-version: 6.1
import PackageDescription

let strictImports: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A Swift library target of this package: every one has the same language settings.
func library(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strictImports)
}

/// The tests of `module`, in the mirrored folder under `Tests/`.
func tests(_ module: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = [])
  -> Target
{
  .testTarget(
    name: module + "Tests",
    dependencies: [.byName(name: module)] + dependencies,
    resources: resources,
    swiftSettings: strictImports)
}

/// The system's OpenBLAS; Apple platforms use Accelerate instead.
let openBLAS: Target.Dependency = .target(
  name: "COpenBLAS", condition: .when(platforms: [.linux]))

/// OpenSSL's libcrypto; Apple platforms use CryptoKit instead.
let openSSL: Target.Dependency = .target(name: "COpenSSL", condition: .when(platforms: [.linux]))

/// libzstd, for .zst files. Apple's SDK has none; zlib, for .gz, is in every system.
let zstd: Target.Dependency = .target(name: "CZstd", condition: .when(platforms: [.linux]))

/// What pkg-config calls the MPI library that the trait MPI binds: the system's choice, or one of several.
let mpiLibrary = Context.environment["CASTLE_MPI"] ?? "mpi"

let numerics: Target.Dependency = .product(name: "RealModule", package: "swift-numerics")

/// What only the trait `Server` needs.
let webServer: [Target.Dependency] = [
  .product(name: "HummingbirdCore", package: "hummingbird", condition: .when(traits: ["Server"])),
  .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Server"])),
  .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Server"])),
  .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Server"])),
  .product(name: "NIOHTTPTypes", package: "swift-nio-extras", condition: .when(traits: ["Server"])),
  .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Server"])),
]

/// What a program needs that runs models: no training, no YAML.
let inference = [
  "CastleSystem", "CastleTensors", "CastleAttention", "CastleOperations", "CastleFormats", "CastleTokenizer",
  "CastleModel", "CastleGeneration", "CastleServing",
]

let package = Package(
  name: "swift-castle",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .executable(name: "castle", targets: ["castle"]),
    .library(name: "CastleAttention", targets: ["CastleAttention", "CastleSystem", "CastleTensors"]),
    .library(name: "CastleInference", targets: inference),
    .library(name: "CastleInspection", targets: inference + ["CastleInspection"]),
    .library(
      name: "CastleLanguageModel",
      targets: inference + ["CastleCluster", "CastleCorpus", "CastleEvaluation", "CastleTraining"]),
    .library(name: "CastleMeasurement", targets: ["CastleMeasurement"]),
  ],
  traits: [
    .trait(name: "Server", description: "castle serve: models over HTTP, with OpenAI's interface."),
    .trait(name: "MPI", description: "Training on several processes and hosts that mpirun or srun starts."),
    .default(enabledTraits: ["Server"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(name: "CastleKernels"),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CMPI", pkgConfig: mpiLibrary, providers: [.apt(["libopenmpi-dev"]), .brew(["open-mpi"])]),
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),

    library("CastleSystem"),
    library("CastleTensors", ["CastleKernels"]),
    library("CastleAttention", ["CastleKernels", "CastleTensors", numerics]),
    library(
      "CastleOperations",
      ["CastleKernels", "CastleSystem", "CastleTensors", "CastleAttention", openBLAS, numerics]),
    library("CastleFormats", [openSSL, "CZlib", zstd]),
    library("CastleConsole", ["CastleFormats"]),
    library("CastleCluster", ["CastleFormats", .target(name: "CMPI", condition: .when(traits: ["MPI"]))]),
    library("CastleTokenizer", ["CastleFormats"]),
    library("CastleCorpus", ["CastleCluster", "CastleFormats", "CastleTensors", "CastleTokenizer"]),
    library(
      "CastleModel",
      ["CastleOperations", "CastleTensors", "CastleAttention", "CastleCluster", "CastleFormats"],
      resources: [
        .embedInCode("Python/configuration_castle.py"), .embedInCode("Python/modeling_castle.py"),
      ]),
    library("CastleGeneration", ["CastleModel", "CastleTensors", "CastleFormats", "CastleTokenizer"]),
    library(
      "CastleInspection",
      [
        "CastleSystem", "CastleModel", "CastleAttention", "CastleOperations", "CastleFormats",
        "CastleTokenizer",
      ],
      resources: [
        .embedInCode("Page/Resources/page.html"), .embedInCode("Page/Resources/page.css"),
        .embedInCode("Page/Resources/trace.js"), .embedInCode("Page/Resources/colors.js"),
        .embedInCode("Page/Resources/maps.js"), .embedInCode("Page/Resources/curves.js"),
        .embedInCode("Page/Resources/distance.js"), .embedInCode("Page/Resources/text.js"),
        .embedInCode("Page/Resources/state.js"), .embedInCode("Page/Resources/pictures.js"),
        .embedInCode("Page/Resources/colorings.js"), .embedInCode("Page/Resources/heads.js"),
        .embedInCode("Page/Resources/pointer.js"), .embedInCode("Page/Resources/page.js"),
      ]),
    library(
      "CastleServing",
      [
        "CastleSystem", "CastleModel", "CastleGeneration", "CastleTokenizer", "CastleTensors",
        "CastleOperations", "CastleFormats",
      ]),
    library(
      "CastleEvaluation",
      [
        "CastleSystem", "CastleTensors", "CastleAttention", "CastleOperations", "CastleModel",
        "CastleFormats",
        "CastleTokenizer", "CastleCorpus", "CastleCluster",
      ]),
    library(
      "CastleTraining",
      [
        "CastleSystem", "CastleCluster", "CastleModel", "CastleOperations", "CastleTensors",
        "CastleAttention",
        "CastleFormats",
        "CastleTokenizer", "CastleCorpus", "CastleEvaluation", "CastleGeneration", "Yams",
      ]),
    library("CastleReports", ["CastleFormats", "CastleTraining"]),
    library(
      "CastleExperiments",
      [
        "CastleSystem", "CastleCluster", "CastleFormats", "CastleCorpus", "CastleEvaluation", "CastleModel",
        "CastleOperations",
        "CastleTensors", "CastleAttention", "CastleTokenizer", "CastleTraining", "CastleReports", "Yams",
      ]),
    library(
      "CastleMeasurement",
      [
        "CastleSystem", "CastleModel", "CastleOperations", "CastleTensors", "CastleAttention",
        "CastleFormats",
        "CastleTokenizer", "CastleCorpus", "CastleTraining", "CZlib", zstd,
      ]),
    library(
      "CastleServer",
      [
        "CastleSystem", "CastleModel", "CastleFormats", "CastleTokenizer", "CastleGeneration",
        "CastleInspection", "CastleServing",
      ] + webServer, resources: [.embedInCode("Page/page.html"), .embedInCode("API/openapi.yaml")]),
    .executableTarget(
      name: "castle",
      dependencies: [
        "CastleSystem", "CastleTensors", "CastleAttention", "CastleOperations", "CastleFormats",
        "CastleConsole", "CastleCluster", "CastleTokenizer", "CastleCorpus", "CastleModel",
        "CastleGeneration", "CastleInspection", "CastleServing", "CastleEvaluation", "CastleTraining",
        "CastleReports", "CastleExperiments", "CastleMeasurement",
        .target(name: "CastleServer", condition: .when(traits: ["Server"])),
        .product(name: "ArgumentParser", package: "swift-argument-parser"), numerics,
      ],
      swiftSettings: strictImports),

    tests("CastleSystem", ["CastleMeasurement"]),
    tests("CastleTensors", ["CastleSystem"]),
    tests(
      "CastleAttention", ["CastleTensors", "CastleFormats", "CastleMeasurement"], resources: [.copy("Golden")]
    ),
    tests("CastleOperations", ["CastleSystem", "CastleTensors", "CastleAttention", "CastleMeasurement"]),
    tests("CastleFormats", ["CastleMeasurement"]),
    tests("CastleCluster", ["CastleFormats"]),
    tests("CastleTokenizer", ["CastleFormats", "CastleMeasurement"], resources: [.copy("Golden")]),
    tests(
      "CastleCorpus",
      ["CastleCluster", "CastleFormats", "CastleTensors", "CastleTokenizer", "CastleMeasurement"]),
    tests(
      "CastleModel",
      [
        "CastleCluster", "CastleOperations", "CastleTensors", "CastleAttention", "CastleFormats",
        "CastleMeasurement",
      ],
      resources: [.copy("Golden")]),
    tests(
      "CastleGeneration",
      [
        "CastleModel", "CastleOperations", "CastleTensors", "CastleAttention", "CastleFormats",
        "CastleTokenizer",
      ]),
    tests(
      "CastleInspection",
      [
        "CastleModel", "CastleOperations", "CastleTensors", "CastleAttention", "CastleFormats",
        "CastleTokenizer", "CastleMeasurement",
      ]),
    tests(
      "CastleServing",
      [
        "CastleModel", "CastleGeneration", "CastleOperations", "CastleTensors", "CastleAttention",
        "CastleFormats",
      ]),
    tests(
      "CastleServer",
      [
        "CastleModel", "CastleOperations", "CastleTensors", "CastleAttention", "CastleFormats",
        "CastleTokenizer",
        "CastleGeneration", "CastleInspection", "CastleServing", "CastleMeasurement", "Yams",
      ]),
    tests(
      "CastleEvaluation",
      [
        "CastleCluster", "CastleModel", "CastleOperations", "CastleFormats", "CastleTokenizer",
        "CastleCorpus", "CastleMeasurement",
      ]),
    tests(
      "CastleTraining",
      [
        "CastleModel", "CastleOperations", "CastleTensors", "CastleFormats", "CastleTokenizer",
        "CastleAttention", "CastleCorpus", "CastleCluster",
        "CastleEvaluation", "CastleMeasurement",
      ]),
    tests("CastleReports", ["CastleFormats", "CastleEvaluation", "CastleTraining", "CastleMeasurement"]),
    tests(
      "CastleExperiments",
      [
        "CastleCluster", "CastleFormats", "CastleTraining", "CastleReports", "CastleOperations",
        "CastleMeasurement",
      ]),
    .testTarget(
      name: "BackendStubTests",
      dependencies: ["CastleAttention", "CastleModel", "CastleOperations", "CastleTensors"],
      packageAccess: false,
      swiftSettings: strictImports),
    .testTarget(
      name: "CommandTests",
      dependencies: ["castle", "CastleFormats", "CastleTokenizer", "CastleCorpus", "CastleMeasurement"],
      swiftSettings: strictImports),
  ],
  swiftLanguageModes: [.v6]
)
