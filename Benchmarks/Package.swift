// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "castle-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-castle", path: ".."),
    .package(url: "https://github.com/google/swift-benchmark", from: "0.1.2"),
  ],
  targets: [
    .executableTarget(
      name: "AttentionBenchmarks",
      dependencies: [
        .product(name: "CastleAttention", package: "swift-castle"),
        .product(name: "CastleMeasurement", package: "swift-castle"),
        .product(name: "Benchmark", package: "swift-benchmark"),
      ])
  ]
)
