/** Tar archives that ADD unpacks: known by their contents, whatever their names. */
import { closeSync, createReadStream, readSync } from "node:fs";
import { CooperError } from "../../errors.ts";
import { compressionOf, decompressed, unsupportedCompressionOf } from "../../layer/decompress.ts";
import { throughProgram } from "../../layer/other-compression.ts";
import type { Picked } from "../context/tree.ts";

/** Those that are tars, compressed or not. */
export async function archivesAmong(all: readonly Picked[]): Promise<Picked[]> {
  const found: Picked[] = [];
  for (const picked of all) if (await isArchive(picked)) found.push(picked);
  return found;
}

async function isArchive(picked: Picked): Promise<boolean> {
  if (!picked.stats.isFile() || picked.stats.size < 20) return false;
  try {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of contentsOfArchive(picked)) {
      pieces.push(chunk);
      size += chunk.length;
      if (size >= 512) break;
    }
    return isTarHeader(Buffer.concat(pieces).subarray(0, 512));
  } catch (error) {
    // not what its first bytes say: it is copied as it is, as every peer does
    if (error instanceof CooperError && ["corrupt", "helper-failed"].includes(error.code))
      return false;
    throw error;
  }
}

/** tar(5): the sum of all bytes of a header, its own field read as spaces. */
function isTarHeader(block: Buffer): boolean {
  if (block.length < 512) return false;
  const told = Number.parseInt(block.toString("latin1", 148, 156).replace(/[\0 ]+$/, ""), 8);
  let sum = 8 * 32;
  for (let at = 0; at < 512; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return told === sum;
}

/** What is in it, decompressed. */
export async function* contentsOfArchive({ parent, name }: Picked): AsyncGenerator<Uint8Array> {
  const descriptor = parent.openFile(name);
  if (descriptor === undefined)
    throw new CooperError("no-such-object", "an archive was removed meanwhile");
  try {
    const start = Buffer.alloc(6);
    readSync(descriptor, start, 0, start.length, 0);
    const program = { xz: "xz", bzip2: "bzip2" }[unsupportedCompressionOf(start) ?? ""];
    if (program !== undefined) {
      yield* throughProgram(program, descriptor, "the archive");
      return;
    }
    const file: AsyncIterable<Uint8Array> = createReadStream("", {
      fd: descriptor,
      start: 0,
      autoClose: false,
    });
    yield* decompressed(file, compressionOf(start));
  } finally {
    closeSync(descriptor);
  }
}
