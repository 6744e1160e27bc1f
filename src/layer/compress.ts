/**
 * Compressing what leaves the store: on all cores, and to the same bytes every time, so that an image
 * that left once leaves again under the same digests.
 */
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { gzip, constants as zlib, zstdCompress } from "node:zlib";

/**
 * Each block becomes a member (RFC 1952, 2.2) or frame (RFC 8878, 3.1) of its own: what a block becomes
 * depends on nothing before it, and costs less than a hundredth in size.
 */
const blockBytes = 1 << 20;

const gzipBlock = promisify(gzip) as (bytes: Uint8Array, options: object) => Promise<Buffer>;
const zstdBlock = promisify(zstdCompress) as (
  bytes: Uint8Array,
  options: object,
) => Promise<Buffer>;

/**
 * The source, compressed. Bytes of the source are copied before the next ones are asked for.
 *
 * @param level null: the algorithm's own default (6, and 3)
 */
export async function* compressed(
  source: AsyncIterable<Uint8Array>,
  compression: "gzip" | "zstd",
  level: number | null = null,
): AsyncGenerator<Uint8Array> {
  const compress = (block: Uint8Array) =>
    compression === "gzip"
      ? gzipBlock(block, { level: level ?? 6 })
      : zstdBlock(block, { params: { [zlib.ZSTD_c_compressionLevel]: level ?? 3 } });
  const working: Promise<Buffer>[] = [];
  try {
    let isEmpty = true;
    for await (const block of inBlocks(source)) {
      isEmpty = false;
      working.push(compress(block));
      if (working.length > availableParallelism()) yield await next(working);
    }
    if (isEmpty) working.push(compress(new Uint8Array()));
    while (working.length > 0) yield await next(working);
  } finally {
    await Promise.allSettled(working); // after a failure nothing goes on unseen
  }
}

async function next(working: Promise<Buffer>[]): Promise<Buffer> {
  const block = await working[0];
  working.shift();
  return block ?? Buffer.alloc(0);
}

async function* inBlocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let block = Buffer.allocUnsafe(blockBytes);
  let used = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const size = Math.min(chunk.length - at, blockBytes - used);
      block.set(chunk.subarray(at, at + size), used);
      used += size;
      at += size;
      if (used < blockBytes) continue;
      yield block;
      block = Buffer.allocUnsafe(blockBytes);
      used = 0;
    }
  }
  if (used > 0) yield block.subarray(0, used);
}
