// swift-tools-version: 6.1
import PackageDescription

let strictImports: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A Swift library target of this package: every one has the same language settings.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strictImports)
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

let package = Package(
  name: "swift-castle",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .executable(name: "castle", targets: ["castle"]),
    .library(name: "CastleAttention", targets: ["CastleAttention", "CastleTensors"]),
    .library(
      name: "CastleLanguageModel",
      targets: [
        "CastleTensors", "CastleAttention", "CastleOperations", "CastleFormats", "CastleText",
        "CastleModel", "CastleTraining", "CastleGeneration",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(name: "CastleKernels"),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),

    library("CastleTensors", ["CastleKernels"]),
    library(
      "CastleAttention",
      ["CastleKernels", "CastleTensors", .product(name: "RealModule", package: "swift-numerics")]),
    library(
      "CastleOperations",
      [
        "CastleKernels", "CastleTensors", "CastleAttention", openBLAS,
        .product(name: "RealModule", package: "swift-numerics"),
      ]),
    library("CastleFormats", [.product(name: "Crypto", package: "swift-crypto")]),
    library("CastleText", ["CastleFormats", "CastleTensors"]),
    library("CastleModel", ["CastleOperations", "CastleTensors", "CastleAttention", "CastleFormats"]),
    library("CastleGeneration", ["CastleModel", "CastleOperations", "CastleTensors", "CastleFormats"]),
    library(
      "CastleTraining",
      [
        "CastleModel", "CastleOperations", "CastleTensors", "CastleAttention", "CastleFormats",
        "CastleText", "CastleGeneration", "Yams",
      ]),
    .executableTarget(
      name: "castle",
      dependencies: [
        "CastleKernels", "CastleTensors", "CastleAttention", "CastleOperations", "CastleFormats",
        "CastleText", "CastleModel", "CastleTraining", "CastleGeneration", "Yams",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "RealModule", package: "swift-numerics"),
      ],
      swiftSettings: strictImports),

    tests("CastleTensors"),
    tests("CastleAttention", ["CastleTensors", "CastleFormats"], resources: [.copy("Golden")]),
    tests("CastleOperations", ["CastleTensors", "CastleAttention"]),
    tests("CastleFormats"),
    tests("CastleText", ["CastleFormats", "CastleTensors"], resources: [.copy("Golden")]),
    tests(
      "CastleModel",
      ["CastleOperations", "CastleTensors", "CastleAttention", "CastleFormats"],
      resources: [.copy("Golden")]),
    tests(
      "CastleGeneration",
      ["CastleModel", "CastleOperations", "CastleTensors", "CastleAttention", "CastleFormats"]),
    tests(
      "CastleTraining",
      ["CastleModel", "CastleOperations", "CastleTensors", "CastleFormats", "CastleText"]),
    .testTarget(
      name: "CommandTests", dependencies: ["castle", "CastleFormats", "CastleText"],
      swiftSettings: strictImports),
  ],
  swiftLanguageModes: [.v6]
)
