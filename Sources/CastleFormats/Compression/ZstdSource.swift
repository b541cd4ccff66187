#if canImport(CZstd)
  import CZstd

  /// Decompresses zstd (RFC 8878): all frames, one after another.
  package final class ZstdSource: ByteSource {
    private let source: any ByteSource
    private let name: String
    private let context: OpaquePointer
    private let memory: UnsafeMutableRawBufferPointer
    private var input = ZSTD_inBuffer()
    private var isInFrame = false

    /// Decompresses `source`, which errors call `name`.
    package init(_ source: any ByteSource, name: String) {
      guard let context = ZSTD_createDCtx() else { preconditionFailure("libzstd could not be started") }
      self.source = source
      self.name = name
      self.context = context
      memory = .allocate(byteCount: ZSTD_DStreamInSize(), alignment: 64)
    }

    deinit {
      ZSTD_freeDCtx(context)
      memory.deallocate()
    }

    /// - Throws: ``InputError`` if the bytes are damaged, end too early, or need more than 128 MiB of memory.
    package func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
      var output = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
      while output.pos < output.size {
        let before = output.pos
        if input.pos < input.size || isInFrame {
          let result = ZSTD_decompressStream(context, &output, &input)
          guard ZSTD_isError(result) == 0 else {
            let detail = String(cString: ZSTD_getErrorName(result))
            throw InputError("\(name) is damaged, or cannot be decompressed: \(detail)")
          }
          isInFrame = result != 0
        }
        guard input.pos == input.size, output.pos < output.size else { continue }
        let count = try source.read(into: memory)
        input = ZSTD_inBuffer(src: memory.baseAddress, size: count, pos: 0)
        guard count == 0 else { continue }
        if !isInFrame { break }
        guard output.pos > before else {
          throw InputError("\(name) ends in the middle of its compressed bytes; get it whole")
        }
      }
      return output.pos
    }
  }
#endif
