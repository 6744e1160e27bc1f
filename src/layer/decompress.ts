/** Streams of bytes, decompressed by what they begin with; every byte of the source is seen by a hash. */
import type { Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { CooperError } from "../errors.ts";
import { ZstdFrames } from "./zstd-frames.ts";

export type Compression = "none" | "gzip" | "zstd";

/** Tells by the first four bytes (RFC 1952, RFC 8878 with skippable frames). */
export function compressionOf(start: Uint8Array): Compression {
  const [a = 0, b = 0, c = 0, d = 0] = start;
  if (a === 0x1f && b === 0x8b) return "gzip";
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zstd";
  return (a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18 ? "zstd" : "none";
}

/** Formats that `file` knows and Cooper does not unpack, for a clear refusal. */
export function unsupportedCompressionOf(start: Uint8Array): string | undefined {
  const text = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, 6)).toString(
    "latin1",
  );
  if (text.startsWith("BZh")) return "bzip2";
  if (text.startsWith("\xfd7zXZ\0")) return "xz";
  if (text.startsWith("PK\x03\x04")) return "zip";
  return text.startsWith("7z\xbc\xaf") ? "7z" : undefined;
}

/** What the source holds, whatever it is compressed with: known by its first bytes. */
export async function* uncompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  const first = await iterator.next();
  const start = first.done ? new Uint8Array() : first.value;
  const unsupported = unsupportedCompressionOf(start);
  if (unsupported !== undefined)
    throw new CooperError("not-supported", `the tar is compressed with ${unsupported}`, {
      hint: "gzip and zstd are read, and what is not compressed",
    });
  const all = (async function* () {
    if (start.length > 0) yield start;
    yield* { [Symbol.asyncIterator]: () => iterator };
  })();
  yield* decompressed(all, compressionOf(start));
}

const outputBytes = 256 << 10;

/**
 * What the source holds, decompressed. A source that is cut off or damaged is an error. Bytes after the
 * end of the compressed data are read (they belong to what a digest names) and otherwise ignored.
 */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  if (compression === "none") {
    yield* source;
    return;
  }
  const options = { chunkSize: outputBytes };
  const stream: Transform =
    compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  let sourceFailure: unknown;
  const frames = compression === "zstd" ? new ZstdFrames() : undefined;
  const feeding = feed(source, stream, frames).catch((error: unknown) => {
    sourceFailure = error;
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    if (sourceFailure !== undefined) throw sourceFailure;
    if (cause instanceof CooperError) throw cause;
    throw new CooperError("corrupt", `the ${compression} data is damaged or cut off`, { cause });
  } finally {
    stream.destroy();
  }
  await feeding;
  if (sourceFailure !== undefined) throw sourceFailure;
  if (frames?.isComplete === false) {
    throw new CooperError("corrupt", "the zstd data is damaged or cut off");
  }
}

async function feed(
  source: AsyncIterable<Uint8Array>,
  stream: Transform,
  frames: ZstdFrames | undefined,
): Promise<void> {
  for await (const chunk of source) {
    frames?.write(chunk);
    if (stream.destroyed || stream.readableEnded || stream.writableEnded) continue; // only for the hash
    if (!stream.write(chunk)) {
      await new Promise<void>((resolve) => {
        const done = () => {
          for (const event of ["drain", "close", "end", "error"]) stream.off(event, done);
          resolve();
        };
        for (const event of ["drain", "close", "end", "error"]) stream.once(event, done);
      });
    }
  }
  if (!stream.destroyed) stream.end();
}
