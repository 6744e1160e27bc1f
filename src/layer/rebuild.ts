/** The exact tar of a layer again: what was kept of it, with the contents of its files put back in. */
import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import type { LayerPaths } from "../paths.ts";
import type { LayerRecord } from "../records/layers.ts";
import { openInRoot } from "../system/rooted.ts";
import { decompressed } from "./decompress.ts";
import { DisplacedFiles } from "./displaced.ts";
import { placeOf } from "./entry-path.ts";
import { type TarEntry, TarReader } from "./tar.ts";

const chunkBytes = 256 << 10;

/**
 * The bytes that the layer's diff ID names, compared as they go by: who takes them all has them all right.
 *
 * @throws CooperError corrupt at the end when they are others, not-supported when they cannot be had
 */
export async function* exactTar(
  layer: LayerPaths,
  record: LayerRecord,
): AsyncGenerator<Uint8Array> {
  if (!record.isExact) {
    throw new CooperError(
      "not-supported",
      `the layer ${record.id.slice(0, 12)} was unpacked from a tar that cannot be made again to the byte`,
    );
  }
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of rebuildTar(layer)) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") === record.id) return;
  throw new CooperError(
    "corrupt",
    `the layer ${record.id.slice(0, 12)} of the store is damaged: its files are not what came in`,
    { hint: "see what else is, and have it mended: cooper system check --repair" },
  );
}

/**
 * The bytes that the diff ID names; the caller compares the digest. Only for a layer that is exact.
 *
 * The headers are read as a tar whose contents are missing: wherever contents would come, they are
 * taken from the unpacked file.
 */
export async function* rebuildTar(layer: LayerPaths): AsyncGenerator<Uint8Array> {
  let waiting: TarEntry | undefined;
  let ordinal = 0;
  const displaced = new DisplacedFiles(layer);
  const reader = new TarReader({
    entry(entry) {
      ordinal++;
      if (entry.size > 0) waiting = entry;
    },
    data: () => undefined,
    entryEnd: () => undefined,
  });
  const file: AsyncIterable<Uint8Array> = createReadStream(layer.tarHeaders, {
    highWaterMark: chunkBytes,
  });
  for await (const chunk of decompressed(file, "zstd")) {
    let sent = 0;
    let position = 0;
    while (position < chunk.length) {
      // a header ends a block; nothing of the next one may be read before the contents are skipped
      const size = Math.min(chunk.length - position, reader.bytesToBlockEnd);
      reader.write(chunk.subarray(position, position + size));
      position += size;
      if (waiting === undefined) continue;
      yield chunk.subarray(sent, position);
      sent = position;
      yield* contentsOf(waiting, openContents(layer, displaced, waiting, ordinal));
      reader.skip(waiting.size);
      waiting = undefined;
    }
    if (sent < chunk.length) yield chunk.subarray(sent);
  }
}

/** The file with an entry's contents: at its place, or aside when another entry has that now. */
function openContents(
  layer: LayerPaths,
  displaced: DisplacedFiles,
  entry: TarEntry,
  ordinal: number,
): number {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const place = placeOf(entry.name);
  const aside =
    place.kind === "entry" ? displaced.fileOf(place.path, ordinal) : displaced.contentsOf(ordinal);
  try {
    if (aside !== undefined) return openSync(aside, flags | constants.O_NOFOLLOW);
    if (place.kind !== "entry") throw lost(entry);
    // names are bytes: the path goes to the kernel as they are
    return openInRoot(layer.diff, Buffer.from(place.path, "latin1"), flags);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"].includes(errnoName(error) ?? "")) throw lost(entry);
    throw error;
  }
}

/** @param descriptor closed at the end */
function* contentsOf(entry: TarEntry, descriptor: number): Generator<Uint8Array> {
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size !== (entry.sparse?.realSize ?? entry.size)) throw lost(entry);
    // of a sparse file the tar has the pieces alone
    const pieces = entry.sparse?.pieces ?? [{ offset: 0, length: entry.size }];
    for (const { offset, length } of pieces) {
      for (let done = 0; done < length; ) {
        const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, length - done));
        const count = readSync(descriptor, buffer, 0, buffer.length, offset + done);
        if (count === 0) throw lost(entry);
        done += count;
        yield buffer.subarray(0, count);
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

function lost(entry: TarEntry): CooperError {
  return new CooperError(
    "corrupt",
    `the store's layer has lost the contents of ${JSON.stringify(entry.name)}`,
  );
}
