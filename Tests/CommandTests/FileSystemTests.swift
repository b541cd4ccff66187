import CastleMeasurement
import Foundation
import Testing

/// Runs of the real program on file systems that lack something, and in folders with any name.
struct FileSystemTests {
  /// What a file system without links and locks says, on whose disk there is no room for TensorBoard's files.
  private static let poorFileSystem = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <stdarg.h>
    #include <string.h>
    int symlink(const char *target, const char *path) { errno = EPERM; return -1; }
    int flock(int file, int operation) { errno = ENOLCK; return -1; }
    int renameat2(int a, const char *old, int b, const char *name, unsigned flags) {
      errno = EINVAL;
      return -1;
    }
    static int opened(const char *name, const char *path, int flags, int mode) {
      if (strstr(path, "/events.out.")) { errno = ENOSPC; return -1; }
      return ((int (*)(const char *, int, ...)) dlsym(RTLD_NEXT, name))(path, flags, mode);
    }
    int open(const char *path, int flags, ...) {
      va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list);
      return opened("open", path, flags, mode);
    }
    int open64(const char *path, int flags, ...) {
      va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list);
      return opened("open64", path, flags, mode);
    }
    """

  /// Runs a script for the shell in `folder` and returns what it wrote to standard error.
  private func shell(
    _ script: String, in folder: TemporaryFolder, environment: [String: String] = [:]
  ) throws -> (exitCode: Int32, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    process.environment = ProcessInfo.processInfo.environment
      .merging(["castle": try CastleProcess.executablePath]) { $1 }.merging(environment) { $1 }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try folder.handle(folder.path("errors"))
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, try folder.text("errors"))
  }

  #if os(Linux)
    @Test func withoutLinksAndLocksARunGoesOnAndSaysWhatIsMissing() throws {
      let text = try TrainingText()
      try text.folder.write(Self.poorFileSystem, to: "poor.c")
      // The compiler comes with Swift.
      let compiled = try shell("clang -shared -fPIC -o poor.so poor.c -ldl", in: text.folder)
      try #require(compiled.exitCode == 0, "\(compiled.errors)")
      let poor = ["LD_PRELOAD": text.folder.path("poor.so")]
      _ = try CastleProcess.output(text.training("straight", "--set", "training.steps=45"))
      let train = "\"$castle\" train --config run.yaml --set output=run --threads 1"
      let first = try shell(train, in: text.folder, environment: poor)
      #expect(first.exitCode == 0, "\(first.errors)")
      for word in ["cannot lock run/.lock", "TensorBoard will not show"] {
        #expect(first.errors.contains(word), "\(first.errors)")
      }
      // A folder with the best checkpoint's model.
      let kind = try FileManager.default.attributesOfItem(atPath: text.folder.path("run/best"))[.type]
      #expect(kind as? FileAttributeType == .typeDirectory)
      _ = try CastleProcess.output([
        "evaluate", "--model", text.folder.path("run/best"), "--data", text.shards,
      ])
      let second = try shell(
        train + " --set training.steps=45 --resume", in: text.folder, environment: poor)
      #expect(second.exitCode == 0, "\(second.errors)")
      #expect(try text.metrics("run").split(separator: "\n").filter { $0.contains("\"loss\"") }.count == 45)
      // On another file system the copy becomes the link again.
      _ = try CastleProcess.output(
        ["train", "--config", "run.yaml", "--set", "output=run", "--set", "training.steps=46", "--resume"],
        folder: text.folder.path)
      _ = try FileManager.default.destinationOfSymbolicLink(atPath: text.folder.path("run/best"))
    }
  #endif

  /// Bytes that are not UTF-8 cannot be said in Foundation's arguments, so a shell says them.
  @Test func foldersHaveAnyName() throws {
    let text = try TrainingText()
    let probe = try shell("mkdir \"$(printf 'x\\351')\"", in: text.folder)
    // Some file systems have no such names.
    guard probe.exitCode == 0 else { return }
    let script = """
      set -e
      cd "$(printf 'x\\351')"
      run="$PWD/$(printf 'runs\\377')/first"
      "$castle" prepare --tokenizer ../tokenizer.json --output "$(printf 'text\\376')" --separator % \
        --validation-documents 3 ../source.txt
      "$castle" train --config ../run.yaml --set data.shards="$(printf 'text\\376')" --set output="$run" \
      --threads 1
      "$castle" train --config "$run/config.yaml" --set training.steps=42 --resume --threads 1
      "$castle" train --config "$run/config.yaml" --set training.steps=41 --set output="$run-2" \
        --resume-from "$run/checkpoints/step-00000040" --threads 1
      "$castle" evaluate --model "$run/best" --data "$(printf 'text\\376')"
      "$castle" generate --model "$run/model" --prompt red --max-tokens 2
      "$castle" tokenize --model "$run/model" red
      "$castle" logits --model "$run/model" --tokens 1,2 --output "$run/model.safetensors"
      "$castle" compare "$run" "$run-2" --output "$run/page.html"
      test -f "$run/page.html"
      cd .. && rm -r "$(printf 'x\\351')"
      """
    let result = try shell(script, in: text.folder)
    #expect(result.exitCode == 0, "\(result.errors)")
    // What people see are bytes with their number.
    #expect(result.errors.contains("/runs\\xFF/first/checkpoints/step-"), "\(result.errors)")
  }

  @Test func aTildeIsTheHomeFolderEverywhere() throws {
    let text = try TrainingText()
    let script = """
      set -e
      mkdir plans && printf 'name: small\\nrecipe: ~/run.yaml\\naxes: {seed: [1]}\\n' > plans/small.yaml
      cd plans
      "$castle" train --config=~/run.yaml --set data.shards='~/text' --set output='~/runs/first' --threads 1
      "$castle" train --config=~/runs/first/config.yaml --set evaluation.sets='{again: ~/text}' --threads 1 \
        --set training.steps=42 --resume
      "$castle" train --set data.shards='~/text' --set output='~/runs/second' --set training.steps=2 \
        --set model.initial='~/runs/first/model' --set training.sequence-length=64 --threads 1
      "$castle" generate --model=~/runs/first/model --prompt-file=~/prompt.txt --max-tokens 2
      "$castle" evaluate --model=~/runs/first/best --data=~/text/val_000000.bin
      "$castle" compare '~/runs/first' '~/runs/second' --output=~/page.html
      "$castle" experiment plan '~/plans/small.yaml' --output=~/experiment
      test -f ~/page.html && ! ls -d ./~* ~/~* 2>/dev/null
      """
    try text.folder.write("red", to: "prompt.txt")
    let result = try shell(script, in: text.folder, environment: ["HOME": text.folder.path])
    #expect(result.exitCode == 0, "\(result.errors)")
  }
}
