/** Making an archive seekable: what comes compressed or through a pipe is written to a file without a name first. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { compressionOf, decompressed, unsupportedCompressionOf } from "../layer/decompress.ts";
import type { Stage } from "./stage.ts";

const chunkBytes = 256 << 10;
const reserveBytes = 64 << 20;

/** Opens a file to read, or says why not in the user's words. */
export function openInput(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOCTTY);
  } catch (cause) {
    const errno = errnoName(cause);
    if (errno === "ENOENT")
      throw new CooperError("invalid-argument", `no such file: ${path}`, { cause });
    if (errno === "EACCES")
      throw new CooperError("permission-denied", `permission denied: ${path}`, { cause });
    throw cause;
  }
}

/** A new file in the stage, to write and read: it goes with its descriptor, and has no name to be synced. */
export function nameless(stage: Stage): number {
  const path = stage.next("spool");
  const descriptor = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return descriptor;
}

/** Writes all of it at the file's position. */
export function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

/**
 * A descriptor of the uncompressed, seekable bytes. The given one is returned itself where it is that
 * already, and else closed. Not more is written than fits on the device.
 */
export async function seekable(descriptor: number, name: string, stage: Stage): Promise<number> {
  const isRegular = fstatSync(descriptor).isFile();
  const first = readStart(descriptor, isRegular);
  const compression = compressionOf(first);
  const unsupported = compression === "none" ? unsupportedCompressionOf(first) : undefined;
  if (unsupported !== undefined) {
    throw new CooperError(
      "not-supported",
      `${name} is compressed with ${unsupported}; only gzip and zstd are read`,
      {
        hint:
          unsupported === "zip"
            ? "unpack it first"
            : `decompress it with ${unsupported === "bzip2" ? "bunzip2" : "unxz"} first`,
      },
    );
  }
  if (isRegular && compression === "none") return descriptor;
  const chunks = decompressed(readAll(descriptor, first, isRegular), compression);
  const spool = await spooled(chunks, name, stage);
  if (descriptor !== 0) closeSync(descriptor);
  return spool;
}

/** A descriptor of a file without a name that holds all the bytes. Not more is written than fits on the device. */
export async function spooled(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  stage: Stage,
): Promise<number> {
  const spool = nameless(stage);
  try {
    const free = statfsSync(stage.directory);
    let left = free.bavail * free.bsize - reserveBytes;
    for await (const chunk of chunks) {
      left -= chunk.length;
      if (left < 0)
        throw new CooperError(
          "no-space",
          `${name} unpacks to more than there is space on the device`,
        );
      writeFully(spool, chunk);
    }
    return spool;
  } catch (error) {
    closeSync(spool);
    throw error;
  }
}

function readStart(descriptor: number, isRegular: boolean): Buffer {
  const buffer = Buffer.alloc(512);
  let size = 0;
  while (size < buffer.length) {
    const count = readSync(descriptor, buffer, size, buffer.length - size, isRegular ? size : null);
    if (count === 0) break;
    size += count;
  }
  return buffer.subarray(0, size);
}

async function* readAll(
  descriptor: number,
  first: Buffer,
  isRegular: boolean,
): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (let position = first.length; ; ) {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const count = readSync(descriptor, buffer, 0, buffer.length, isRegular ? position : null);
    if (count === 0) return;
    position += count;
    yield buffer.subarray(0, count);
  }
}
