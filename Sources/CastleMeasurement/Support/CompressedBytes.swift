import CZlib

#if canImport(CZstd)
  import CZstd
#endif

/// Compressed bytes, to try how they are read.
package enum CompressedBytes {
  /// A member of a gzip file.
  package static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    let gzipWithLargestWindow: Int32 = 16 + 15
    let started = deflateInit2_(
      &stream, 6, Z_DEFLATED, gzipWithLargestWindow, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    precondition(started == Z_OK)
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, uLong(bytes.count))) + 64
    var input = bytes
    return [UInt8](unsafeUninitializedCapacity: bound) { room, count in
      input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = uInt(input.count)
        stream.next_out = room.baseAddress
        stream.avail_out = uInt(room.count)
        let ended = deflate(&stream, Z_FINISH)
        precondition(ended == Z_STREAM_END)
      }
      count = Int(stream.total_out)
    }
  }

  #if canImport(CZstd)
    /// A frame of a zstd file, with a checksum as `zstd` writes it.
    package static func zstd(_ bytes: [UInt8]) -> [UInt8] {
      let context = ZSTD_createCCtx()
      defer { ZSTD_freeCCtx(context) }
      ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
      return [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { room, count in
        count = ZSTD_compress2(context, room.baseAddress, room.count, bytes, bytes.count)
        precondition(ZSTD_isError(count) == 0)
      }
    }
  #endif
}
